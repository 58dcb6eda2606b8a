"""A buyer's promise taken in: the claim, the answer stored against it, and its undoing."""

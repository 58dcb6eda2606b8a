"""What sellers see: from the first form to what became of it."""

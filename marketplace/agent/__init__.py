"""A buyer's program: asks the price, signs one message, gets the answer."""

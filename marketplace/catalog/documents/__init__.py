"""Every shape in which agents read what is for sale: pure functions from goods to documents."""

"""What agents and visitors read of what is for sale."""

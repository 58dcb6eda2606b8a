"""Looking at what sellers propose, before anybody can buy it."""

"""What two or more rooms share. Nothing here is public."""

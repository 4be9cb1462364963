"""What quality of images is worth: errors that are left when the worst images are discarded."""

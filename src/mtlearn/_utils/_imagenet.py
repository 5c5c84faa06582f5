"""What most networks that were trained on ImageNet expect of their input."""

# Of red, green and blue, from black at 0 to white at 1. For grey, their averages.
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}

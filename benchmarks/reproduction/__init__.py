"""What reproduces the article once: its tables of MNIST, and what is claimed of its models."""

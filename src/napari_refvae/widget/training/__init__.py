"""Fine-tuning on images of the viewer."""

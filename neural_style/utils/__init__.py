"""TensorFlow's start, files, downloads, the machine."""

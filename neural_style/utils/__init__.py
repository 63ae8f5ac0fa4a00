"""The start of TensorFlow, files, downloads, and the machine."""

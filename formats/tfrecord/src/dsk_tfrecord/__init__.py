"""Object detection datasets in TFRecord files for dsk, without TensorFlow."""

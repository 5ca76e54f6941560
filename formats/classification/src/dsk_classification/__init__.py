"""Image classification datasets for dsk: ImageNet, CIFAR, MNIST."""

def pixels(image):
    # TensorFlow's ResizeBilinear, then the network's range.
    for axis, size in enumerate([@HEIGHT@, @WIDTH@]):
        at = np.arange(size, dtype=np.float32) * np.float32(image.shape[axis] / size)
        low = at.astype(int)
        high = np.minimum(low + 1, image.shape[axis] - 1)
        share = (at % 1).reshape([-1, 1, 1] if axis == 0 else [1, -1, 1])
        image = image.take(low, axis) * (1 - share) + image.take(high, axis) * share
    return (image[None] - np.float32(@MEAN@)) / np.float32(@STD@)

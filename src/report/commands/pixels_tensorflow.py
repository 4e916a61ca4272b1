def pixels(path):
    image = tf.io.decode_image(tf.io.read_file(path), 3, expand_animations=False)
    image = tf.cast(image[None], tf.float32)
    image = tf.compat.v1.image.resize_bilinear(image, [@HEIGHT@, @WIDTH@])
    return (image - @MEAN@) / @STD@

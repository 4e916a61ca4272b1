python - @STEM@.tflite @LABELS@ @PHOTOGRAPH@ <<'END'
import sys
import numpy as np
import tensorflow as tf

@PIXELS_TENSORFLOW@
model, labels, *photographs = sys.argv[1:]
labels = open(labels, encoding='utf-8').read().splitlines()
network = tf.lite.Interpreter(model)
network.allocate_tensors()
[image], [scores] = network.get_input_details(), network.get_output_details()
for path in photographs:
    x = pixels(path).numpy()
    if image['dtype'] == np.uint8:
        scale, zero = image['quantization']
        x = np.clip(np.round(x / scale + zero), 0, 255).astype(np.uint8)
    network.set_tensor(image['index'], x)
    network.invoke()
    y = network.get_tensor(scores['index'])[0]
    if scores['dtype'] == np.uint8:
        scale, zero = scores['quantization']
        y = (y.astype(np.float32) - zero) * scale
    print(path, labels[y.argmax()], '%.5f' % y.max(), sep='\t')
END

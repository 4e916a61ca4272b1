python - @STEM@.onnx @LABELS@ @PHOTOGRAPH@ <<'END'
import sys
import cv2
import numpy as np

@PIXELS_NUMPY@
model, labels, *photographs = sys.argv[1:]
labels = open(labels, encoding='utf-8').read().splitlines()
network = cv2.dnn.readNetFromONNX(model)
for path in photographs:
    image = cv2.imread(path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    network.setInput(pixels(image[:, :, ::-1].astype(np.float32)))
    [y] = network.forward()
    print(path, labels[y.argmax()], '%.5f' % y.max(), sep='\t')
END

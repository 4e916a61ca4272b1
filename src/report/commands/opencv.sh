python - @GRAPH@ @LABELS@ @PHOTOGRAPH@ <<'END'
import sys
import cv2
import numpy as np

@PIXELS_NUMPY@
graph, labels, *photographs = sys.argv[1:]
labels = open(labels, encoding='utf-8').read().splitlines()
network = cv2.dnn.readNetFromTensorflow(graph)
for path in photographs:
    image = cv2.imread(path)[:, :, ::-1].astype(np.float32)
    network.setInput(np.ascontiguousarray(pixels(image).transpose(0, 3, 1, 2)))
    [y] = network.forward()
    print(path, labels[y.argmax()], '%.5f' % y.max(), sep='\t')
END

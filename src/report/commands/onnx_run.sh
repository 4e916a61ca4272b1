python - @STEM@.onnx @LABELS@ @PHOTOGRAPH@ <<'END'
import sys
import numpy as np
import onnxruntime
from PIL import Image

@PIXELS_NUMPY@
model, labels, *photographs = sys.argv[1:]
labels = open(labels, encoding='utf-8').read().splitlines()
network = onnxruntime.InferenceSession(model, providers=['CPUExecutionProvider'])
for path in photographs:
    image = np.asarray(Image.open(path).convert('RGB'), np.float32)
    [y] = network.run([@OUTPUT_NODE@ ':0'], {'@INPUT_TENSOR@': pixels(image)})[0]
    print(path, labels[y.argmax()], '%.5f' % y.max(), sep='\t')
END

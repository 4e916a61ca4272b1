"""Makes Keras networks with random weights, saves them in the ways that people do, and says what
Keras computes.

Request: {"dir": where to write, "network": a name in keras.applications or in `OWN` below,
"ways": some of "export", "save", "module", "keras" and "h5", "include_top": bool}.
Answer: {"version": of TensorFlow and Keras, "size": pixels on a side, "features": [[..], ..] of two
images, "output": the tensor that frozen.pb computes}. Writes DIR/WAY, a SavedModel for each way (or a
file of Keras, DIR/model.WAY), and DIR/frozen.pb: the first one's signature, frozen by TensorFlow itself (not of those in `OWN`).

Pixel i of the images, counted through both, is (i · 7919 + i / 3 · 104729) mod 256, in the network's
own range (/ 127.5 − 1 for those that do not rescale).
"""
import json
import os
import sys

import numpy as np
import tensorflow as tf
import keras
from keras import layers
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

BATCH = 2


def small(augmented=(), dtype="float32", size=32, channels=8, top=5):
    inputs = keras.Input((size, size, 3), dtype=dtype)
    x = inputs
    for layer in augmented:
        x = layer(x)
    x = layers.Conv2D(channels, 3, strides=2)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(inputs, layers.Dense(top, activation="softmax")(x))


def augmentations():
    return [layers.RandomFlip(), layers.RandomRotation(0.1), layers.RandomZoom(0.2), layers.RandomTranslation(0.1, 0.1),
            layers.RandomContrast(0.2), layers.RandomBrightness(0.2), layers.GaussianNoise(0.1)]


def transfer():
    """As in TensorFlow's tutorial on transfer learning."""
    size = (96, 96, 3)
    inputs = keras.Input(size)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    base = keras.applications.MobileNetV2(input_shape=size, alpha=0.35, include_top=False, weights=None)
    # Weights for which the features depend on the image, as those of a trained network do.
    random = np.random.default_rng(2)
    for weight in base.weights:
        if "kernel" in weight.path:
            fan_in = np.prod(weight.shape[:2 if "depthwise" in weight.path else 3])
            weight.assign(random.normal(0, np.sqrt(2 / fan_in), weight.shape))
    x = base(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    return keras.Model(inputs, layers.Dense(5, activation="softmax")(x))


OWN = {
    "small": lambda: small(),
    "transfer": transfer,
    "augmented": lambda: small(augmentations()),
    "cropped": lambda: small([layers.RandomCrop(24, 24)]),
}


def network(request):
    name = request["network"]
    if name in OWN:
        return OWN[name]()
    made = getattr(keras.applications, name)(weights=None, include_top=request["include_top"],
                                             **({} if request["include_top"] else {"pooling": "avg"}))
    return made


def scatter(model):
    """Weights as training leaves them: batch normalisation starts with means of 0 and variances of 1."""
    random = np.random.default_rng(1)
    for weight in model.weights:
        name = weight.path
        if "moving_mean" in name or "beta" in name or "bias" in name:
            weight.assign(random.normal(0, 0.1, weight.shape))
        elif "moving_variance" in name or "gamma" in name:
            weight.assign(random.uniform(0.8, 1.2, weight.shape))


class Module(tf.Module):
    """As the modules of TensorFlow Hub: it is called, and has no signature."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        # Those of dropout's seeds too, which Keras does not show to TensorFlow.
        self.tracked = [variable.value for variable in model.variables]
        shape = [None, *model.input_shape[1:]]
        self.__call__ = tf.function(self.compute)
        for training in (True, False):
            self.__call__.get_concrete_function(tf.TensorSpec(shape, tf.float32, "inputs"), training)

    def compute(self, inputs, training=False):
        return self.model(inputs, training=training)


def features_of(model):
    last = model.layers[-1]
    if isinstance(last, layers.Dense):
        return keras.Model(model.input, last.input)
    if isinstance(last, layers.Activation):  # MobileNetV3: Conv2D, Flatten, softmax.
        return keras.Model(model.input, layers.Flatten()(model.layers[-3].input))
    return model


def rescales(model):
    return any(isinstance(layer, (layers.Rescaling, layers.Normalization)) for layer in model.layers)


def frozen(directory):
    loaded = tf.saved_model.load(directory)
    function = convert_variables_to_constants_v2(loaded.signatures["serving_default"])
    return function.graph.as_graph_def(), function.outputs[0].name


def main():
    request = json.load(sys.stdin)
    keras.utils.set_random_seed(1)
    model = network(request)
    scatter(model)
    os.makedirs(request["dir"], exist_ok=True)
    for way in request["ways"]:
        path = os.path.join(request["dir"], way)
        if way == "export":
            model.export(path, verbose=False) if "verbose" in model.export.__code__.co_varnames else model.export(path)
        elif way in ("keras", "h5"):
            model.save(os.path.join(request["dir"], "model." + way))
        elif way == "save":
            tf.saved_model.save(model, path)
        else:
            tf.saved_model.save(Module(model), path)
    output = None
    # TensorFlow cannot freeze random layers.
    if request["ways"][0] != "module" and request["network"] in keras.applications.__dict__:
        graph, output = frozen(os.path.join(request["dir"], request["ways"][0]))
        with open(os.path.join(request["dir"], "frozen.pb"), "wb") as file:
            file.write(graph.SerializeToString())
    # Some take any size.
    height, width = (side or 224 for side in model.input_shape[1:3])
    i = np.arange(BATCH * height * width * 3, dtype=np.int64)
    pixels = ((i * 7919 + i // 3 * 104729) % 256).astype(np.float32).reshape(BATCH, height, width, 3)
    if not rescales(model):
        pixels = pixels / np.float32(127.5) - np.float32(1)
    features = features_of(model)(pixels, training=False).numpy().reshape(BATCH, -1)
    versions = f"TensorFlow {tf.__version__}, Keras {keras.__version__}"
    answer = {"version": versions, "size": height, "features": features.tolist(), "output": output}
    print("\n" + json.dumps(answer))


main()

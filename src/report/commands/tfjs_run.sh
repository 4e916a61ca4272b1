node - @STEM@_tfjs @LABELS@ @PHOTOGRAPH@ <<'END'
const fs = require('fs');
const tf = require('@tensorflow/tfjs-core');
const { loadGraphModel } = require('@tensorflow/tfjs-converter');
require('@tensorflow/tfjs-backend-wasm');
const sharp = require('sharp');

const [model, labelsFile, ...photographs] = process.argv.slice(2);
const labels = fs.readFileSync(labelsFile, 'utf8').split('\n');
const { modelTopology, weightsManifest } = JSON.parse(fs.readFileSync(`${model}/model.json`));
const paths = weightsManifest.flatMap(group => group.paths);
const weights = Buffer.concat(paths.map(path => fs.readFileSync(`${model}/${path}`)));
const files = {
  modelTopology,
  weightSpecs: weightsManifest.flatMap(group => group.weights),
  weightData: new Uint8Array(weights).buffer,
};
(async () => {
  await tf.ready();
  const network = await loadGraphModel(tf.io.fromMemory(files));
  for (const path of photographs) {
    const decoded = sharp(path).removeAlpha().toColourspace('srgb').raw();
    const { data, info } = await decoded.toBuffer({ resolveWithObject: true });
    const image = tf.tensor(data, [info.height, info.width, 3], 'float32');
    const resized = tf.image.resizeBilinear(image, [@HEIGHT@, @WIDTH@]);
    const pixels = tf.div(tf.sub(resized, @MEAN@), @STD@);
    const feed = { '@INPUT_TENSOR@': tf.expandDims(pixels, 0) };
    const y = await network.execute(feed, '@OUTPUT_NAME@').data();
    const best = y.indexOf(Math.max(...y));
    console.log([path, labels[best], y[best].toFixed(5)].join('\t'));
  }
})();
END

use tract_onnx::prelude::*;

const SIZE: [usize; 2] = [@HEIGHT@, @WIDTH@];

/// TensorFlow's ResizeBilinear, then the network's range.
fn pixels(path: &str) -> Tensor {
    let image = image::open(path).unwrap().to_rgb8();
    let (width, height) = image.dimensions();
    let scale = [height as f32 / SIZE[0] as f32, width as f32 / SIZE[1] as f32];
    let between = |a: f32, b: f32, share: f32| a + (b - a) * share;
    let pixel = |(_, row, column, channel): (usize, usize, usize, usize)| {
        let (y, x) = (row as f32 * scale[0], column as f32 * scale[1]);
        let at = |y: u32, x: u32| f32::from(image[(x.min(width - 1), y.min(height - 1))][channel]);
        let across = |y| between(at(y, x as u32), at(y, x as u32 + 1), x.fract());
        (between(across(y as u32), across(y as u32 + 1), y.fract()) - @RUST_MEAN@) / @RUST_STD@
    };
    tract_ndarray::Array4::from_shape_fn((1, SIZE[0], SIZE[1], 3), pixel).into()
}

fn main() -> TractResult<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let labels = std::fs::read_to_string(&args[1])?;
    let network = tract_onnx::onnx().model_for_path(&args[0])?.into_optimized()?.into_runnable()?;
    for path in &args[2..] {
        let scores = network.run(tvec!(pixels(path).into()))?;
        let scores = scores[0].to_plain_array_view::<f32>()?;
        let best = scores.iter().zip(labels.lines()).max_by(|a, b| a.0.total_cmp(b.0));
        let (score, label) = best.unwrap();
        println!("{path}\t{label}\t{score:.5}");
    }
    Ok(())
}

//! Weights in torch's old format: read as they are, and nothing else done with the file.

use retrain::model::TorchWeights;
use std::path::Path;

/// The pickles before the tensors: the magic number, the version, the machine.
const START: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\
    \x80\x02}q\x00(X\x10\x00\x00\x00protocol_versionq\x01M\xe9\x03X\x0d\x00\x00\x00little_endian\
    q\x02\x88u.";

fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

fn int(value: i32) -> Vec<u8> {
    [b"J", &value.to_le_bytes()[..]].concat()
}

fn tuple(values: &[i32]) -> Vec<u8> {
    let values: Vec<Vec<u8>> = values.iter().map(|&v| int(v)).collect();
    [b"(", &values.concat()[..], b"t"].concat()
}

/// An entry of the dictionary: a tensor in a storage of floats.
struct Entry<'a> {
    name: &'a str,
    key: &'a str,
    count: i32,
    offset: i32,
    dims: &'a [i32],
    strides: &'a [i32],
}

impl Entry<'_> {
    fn pickled(&self) -> Vec<u8> {
        let storage = [
            b"((".to_vec(),
            text("storage"),
            b"ctorch\nFloatStorage\n".to_vec(),
            text(self.key),
            text("cpu"),
            int(self.count),
            b"NtQ".to_vec(),
        ];
        let rest = [int(self.offset), tuple(self.dims), tuple(self.strides)].concat();
        [
            text(self.name),
            b"ctorch._utils\n_rebuild_tensor_v2\n".to_vec(),
            storage.concat(),
            rest,
            b"\x89ccollections\nOrderedDict\n)RtR".to_vec(),
        ]
        .concat()
    }
}

/// A file of these tensors and storages.
fn file(entries: &[Entry<'_>], storages: &[(&str, &[f32])]) -> Vec<u8> {
    let entries: Vec<u8> = entries.iter().flat_map(Entry::pickled).collect();
    with_state(&[b"\x80\x02ccollections\nOrderedDict\n)R(", &entries[..], b"u."].concat(), storages)
}

fn with_state(state: &[u8], storages: &[(&str, &[f32])]) -> Vec<u8> {
    let keys: Vec<u8> = storages.iter().flat_map(|(key, _)| text(key)).collect();
    let mut file = [START, state, b"\x80\x02](", &keys, b"e."].concat();
    for (_, values) in storages {
        file.extend((values.len() as u64).to_le_bytes());
        file.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    }
    file
}

const NUMBERS: [f32; 8] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];

/// [2, 3], its columns side by side, from the second number of its storage on.
const KERNEL: Entry<'_> =
    Entry { name: "conv.weight", key: "77", count: 8, offset: 1, dims: &[2, 3], strides: &[1, 2] };

fn small() -> Vec<u8> {
    let bias = Entry { name: "bias", key: "78", count: 2, offset: 0, dims: &[2], strides: &[1] };
    file(&[KERNEL, bias], &[("77", &NUMBERS), ("78", &[0.5, -0.5])])
}

fn parse(bytes: &[u8]) -> Result<TorchWeights, String> {
    TorchWeights::parse(Path::new("some.pth"), bytes.to_vec()).map_err(|e| e.to_string())
}

/// Expects a refusal that names the file, the place and `what`.
#[track_caller]
fn assert_refused(bytes: &[u8], what: &str) {
    let error = parse(bytes).unwrap_err();
    assert!(
        error.starts_with("some.pth: is refused as torch's weights, at byte ")
            && error.contains(what)
            && error.chars().count() < 300,
        "'{what}' is not in {error}"
    );
}

#[test]
fn tensors_are_read_in_the_order_that_is_asked_for() {
    let weights = parse(&small()).unwrap();
    let mut tensors: Vec<_> = weights.tensors().collect();
    tensors.sort_unstable();
    assert_eq!(tensors, [("bias", &[2][..]), ("conv.weight", &[2, 3])]);
    // Row i, column j is 1 + i + 2j.
    let rows = weights.read("conv.weight", [2, 3], [0, 1]).unwrap();
    assert_eq!(rows, [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
    let columns = weights.read("conv.weight", [2, 3], [1, 0]).unwrap();
    assert_eq!(columns, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(weights.read("bias", [2], [0]).unwrap(), [0.5, -0.5]);
    let error = |e: retrain::Error| e.to_string();
    assert_eq!(
        weights.read("bias", [3], [0]).map_err(error).unwrap_err(),
        "some.pth: holds 'bias' as [2], not [3]"
    );
    assert_eq!(
        weights.read("scale", [2], [0]).map_err(error).unwrap_err(),
        "some.pth: holds no tensor 'scale'"
    );
    let mut numbers = NUMBERS;
    numbers[3] = f32::NAN;
    let weights = parse(&file(&[KERNEL], &[("77", &numbers)])).unwrap();
    assert_eq!(
        weights.read("conv.weight", [2, 3], [0, 1]).map_err(error).unwrap_err(),
        "some.pth: holds 'conv.weight' with a number that is not finite"
    );
}

/// Of the fuzz target's corpus, written by Python's own pickler.
#[test]
fn what_pythons_pickler_wrote_is_read() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus/torch_weights");
    let read = |name: &str| parse(&std::fs::read(corpus.join(name)).unwrap()).unwrap();
    let layer = read("layer");
    // [2, 3, 2, 2] at strides of 1, 2, 12 and 6 in quarters; longs are left out.
    assert_eq!(layer.tensors().count(), 2);
    let kernel = layer.read("conv.weight", [2, 3, 2, 2], [2, 3, 1, 0]).unwrap();
    let in_order = (0..24).map(|i| i as f32 / 4.0).collect::<Vec<_>>();
    assert_eq!(kernel, in_order);
    assert_eq!(layer.read("bn.bias", [2], [0]).unwrap(), [0.5, -0.5]);
    let shared = read("shared_storage");
    assert_eq!(shared.read("a", [2, 3], [0, 1]).unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(shared.read("b", [3], [0]).unwrap(), [2.0, 4.0, 6.0]);
    assert_eq!(shared.read("c", [], []).unwrap(), [-1.0]);
    assert_eq!(read("empty").tensors().count(), 0);
}

#[test]
fn a_file_that_was_cut_off_or_goes_on_is_refused() {
    let whole = small();
    for length in 0..whole.len() {
        assert_refused(&whole[..length], "");
    }
    assert_refused(&[&whole[..], b"x"].concat(), "there are bytes after the last storage");
    assert_refused(b"PK\x03\x04", "at byte 0: it does not begin as torch's files did before 1.6");
}

#[test]
fn a_changed_byte_is_refused_or_only_changes_values() {
    let whole = small();
    for place in 0..whole.len() {
        for byte in [0, 1, b'.', b'(', 0x7f, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[place] = byte;
            retrain::fuzzing::torch_weights(&changed);
        }
    }
}

#[test]
fn what_a_pickle_imports_must_be_on_the_list() {
    for name in ["os\nsystem", "builtins\neval", "torch\nHalfStorage", "collections\ndeque"] {
        let state = [b"\x80\x02c", name.as_bytes(), b"\n(X\x02\0\0\0lstR."].concat();
        let shown = name.replace('\n', ".");
        let what = format!(
            "at byte {}: opcode 0x63 'c': imports '{shown}', which weights do not need",
            START.len() + 2
        );
        assert_refused(&with_state(&state, &[]), &what);
    }
    // What may be imported may not be called with anything.
    for call in [
        &b"ccollections\nOrderedDict\nK\x01\x85R."[..],
        b"ctorch\nFloatStorage\n)R.",
        b"ctorch._utils\n_rebuild_tensor_v2\n)R.",
        b"N)R.",
    ] {
        let state = [b"\x80\x02", call].concat();
        let what = "opcode 0x52 'R': a call that weights do not need";
        assert_refused(&with_state(&state, &[]), what);
    }
}

#[test]
fn only_27_opcodes_are_known() {
    let known = (0..=255u8).filter(|&opcode| {
        let state = [b"\x80\x02", &[opcode][..], b"......"].concat();
        !parse(&with_state(&state, &[])).is_err_and(|e| e.contains("not among the 27"))
    });
    let known: Vec<u8> = known.collect();
    assert_eq!(known, b"().JKMNQRX]bcehjqrstu}\x80\x85\x86\x88\x89");
}

#[test]
fn counts_are_bounded_by_the_file() {
    let text_of_4_gb = with_state(b"\x80\x02X\xff\xff\xff\xff.", &[]);
    assert_refused(&text_of_4_gb, "opcode 0x58 'X': 4294967295 bytes are announced");
    let largest = i32::MAX;
    for (entry, what) in [
        (Entry { dims: &[largest, largest], ..KERNEL }, "more than the 8 numbers of its storage"),
        (Entry { dims: &[1; 9], strides: &[1; 9], ..KERNEL }, "has 9 dimensions and 9 strides"),
        (Entry { dims: &[2], ..KERNEL }, "has 1 dimensions and 2 strides"),
        (Entry { dims: &[0, 3], ..KERNEL }, "sizes that are not whole numbers from 1 on"),
        (Entry { strides: &[-1, 2], ..KERNEL }, "sizes that are not whole numbers from 1 on"),
        (Entry { strides: &[largest, largest], ..KERNEL }, "more than the 8 numbers"),
        // Every number again and again.
        (Entry { dims: &[1000, 1000], strides: &[0, 0], ..KERNEL }, "more than the 8 numbers"),
        (Entry { offset: 3, ..KERNEL }, "more than the 8 numbers"),
        (Entry { offset: -1, ..KERNEL }, "-1 is below 0"),
        (Entry { count: largest, ..KERNEL }, "has 8 numbers, its tensors say 2147483647"),
        (Entry { count: -8, ..KERNEL }, "-8 is below 0"),
    ] {
        assert_refused(&file(&[entry], &[("77", &NUMBERS)]), what);
    }
    let announced = file(&[Entry { count: largest, ..KERNEL }], &[("77", &NUMBERS)]);
    let mut lying = announced.clone();
    let count = announced.len() - 4 * NUMBERS.len() - 8;
    lying[count..count + 8].copy_from_slice(&(largest as u64).to_le_bytes());
    assert_refused(&lying, "8589934588 bytes are announced, 32 are left");
    let other = Entry { name: "other", count: 4, ..KERNEL };
    assert_refused(&file(&[KERNEL, other], &[("77", &NUMBERS)]), "otherwise than before");
    assert_refused(&file(&[KERNEL], &[]), "a tensor's storage is missing");
    let twice: [(&str, &[f32]); 2] = [("77", &NUMBERS), ("77", &NUMBERS)];
    assert_refused(&file(&[KERNEL], &twice), "belongs to no tensor, or comes twice");
}

#[test]
fn nesting_costs_nothing_and_has_an_end() {
    let nested = |depth: usize| {
        let state = [&b"\x80\x02)"[..], &b"\x85".repeat(depth), b"."].concat();
        with_state(&state, &[])
    };
    assert_refused(&nested(90_000), "it is no dictionary");
    assert_refused(&nested(1_000_000), "there are more than 100000 opcodes");
    // Twice as large with each line, were it ever written out.
    let doubled = [&b"\x80\x02)"[..], &b"q\x00h\x00\x86".repeat(30_000), b"."].concat();
    assert_refused(&with_state(&doubled, &[]), "it is no dictionary");
    // A dictionary that holds itself.
    let itself = with_state(b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s.", &[]);
    assert_refused(&itself, "'a' is no tensor");
}

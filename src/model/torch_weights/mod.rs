//! Weights as torch wrote them before its version 1.6: five pickles (a magic number, a version,
//! what the machine was like, the tensors by name, the order of their storages), then for each
//! storage the count of its numbers in eight bytes and the numbers, little-endian.
//!
//! A pickle can run any code, so this is no unpickler: see [`pickle`] for the little that is
//! understood. Counts are bounded by the file's size.

mod pickle;

use crate::error::{Error, Result};
use pickle::{Kind, Pickle, Reader, Refusal, Storage, Tensor, Value};
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The largest file; the largest of the networks here has 25 MB.
pub(crate) const LARGEST_FILE: usize = 64 << 20;
/// The most dimensions; a convolution's kernel has four.
const MOST_DIMENSIONS: usize = 8;
/// The first two pickles, always the same: the number 0x1950a86a20f9469cfc6c and the version 1001.
const START: [u8; 21] =
    *b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.";

/// The float tensors of a file of weights, by name.
pub struct TorchWeights {
    path: PathBuf,
    bytes: Vec<u8>,
    tensors: HashMap<String, Place>,
}

/// Where a tensor's numbers are.
#[derive(Debug)]
struct Place {
    /// Its storage, in bytes of the file.
    storage: Range<usize>,
    /// Its first number in the storage.
    offset: usize,
    dims: Vec<usize>,
    /// How far apart neighbours are in the storage.
    strides: Vec<usize>,
}

impl fmt::Debug for TorchWeights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TorchWeights").field("path", &self.path).finish_non_exhaustive()
    }
}

impl TorchWeights {
    /// Finds the tensors in a file's `bytes`; `path` is for messages.
    ///
    /// # Errors
    /// [`Error::Input`] with the place in the file and, in a pickle, the opcode.
    pub fn parse(path: &Path, bytes: Vec<u8>) -> Result<Self> {
        let tensors = tensors(&bytes).map_err(|Refusal { at, why }| {
            Error::input(path, format!("is refused as torch's weights, at byte {at}: {why}"))
        })?;
        Ok(Self { path: path.into(), bytes, tensors })
    }

    /// The names of the tensors and their dimensions, in no order.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.tensors.iter().map(|(name, place)| (name.as_str(), &place.dims[..]))
    }

    /// A tensor's numbers. `dims` are the dimensions that it must have, in torch's order; `order`
    /// says which of them comes first in the result, and which varies fastest.
    ///
    /// # Errors
    /// [`Error::Input`] if there is no such tensor, or one of other dimensions or with a number
    /// that is not finite.
    pub fn read<const N: usize>(
        &self,
        name: &str,
        dims: [usize; N],
        order: [usize; N],
    ) -> Result<Vec<f32>> {
        let wrong = |why: String| Err(Error::input(&self.path, why));
        let Some(place) = self.tensors.get(name) else {
            return wrong(format!("holds no tensor '{name}'"));
        };
        if place.dims != dims {
            return wrong(format!("holds '{name}' as {:?}, not {dims:?}", place.dims));
        }
        let values = place.gather(&self.bytes[place.storage.clone()], &order);
        match values.iter().all(|v| v.is_finite()) {
            true => Ok(values),
            false => wrong(format!("holds '{name}' with a number that is not finite")),
        }
    }
}

fn tensors(bytes: &[u8]) -> pickle::Result<HashMap<String, Place>> {
    let mut reader = Reader::new(bytes);
    if bytes.len() > LARGEST_FILE {
        return reader.refuse(format!("it is larger than {} MiB", LARGEST_FILE >> 20));
    }
    if !bytes.starts_with(&START) {
        return reader.refuse("it does not begin as torch's files did before 1.6");
    }
    reader.take(START.len())?;
    check_machine(&mut reader)?;
    let state = Pickle::read(&mut reader)?;
    let at = reader.at;
    let named = named_tensors(&state).map_err(|why| Refusal { at, why })?;
    let places = storages(&mut reader, &named)?;
    let located = named.into_iter().filter(|(_, tensor)| tensor.storage.kind == Kind::Float);
    let located = located.map(|(name, tensor)| {
        let place = Place::of(&state, &tensor, &places);
        let place = place.map_err(|why| Refusal { at, why: format!("'{name}' {why}") })?;
        Ok((name.to_owned(), place))
    });
    located.collect()
}

/// The third pickle: numbers must be little-endian.
fn check_machine(reader: &mut Reader<'_>) -> pickle::Result<()> {
    let machine = Pickle::read(reader)?;
    let is_little =
        |(key, value)| key == Value::Text("little_endian") && value == Value::Bool(true);
    match machine.value {
        Value::Dict(dict) if machine.pairs(dict).any(is_little) => Ok(()),
        _ => reader.refuse("its numbers are not said to be little-endian"),
    }
}

/// The fourth pickle: a dictionary of tensors.
fn named_tensors<'f>(state: &Pickle<'f>) -> Result<Vec<(&'f str, Tensor<'f>)>, String> {
    let Value::Dict(dict) = state.value else { return Err("it is no dictionary".into()) };
    let named = state.pairs(dict).map(|pair| match pair {
        (Value::Text(name), Value::Tensor(tensor)) => Ok((name, tensor)),
        (Value::Text(name), _) => Err(format!("'{name}' is no tensor")),
        _ => Err("a tensor's name is no text".into()),
    });
    named.collect()
}

/// The fifth pickle and what follows: where each storage's numbers are.
fn storages<'f>(
    reader: &mut Reader<'f>,
    named: &[(&'f str, Tensor<'f>)],
) -> pickle::Result<HashMap<&'f str, Range<usize>>> {
    let mut wanted: HashMap<&str, Storage<'_>> = HashMap::new();
    for (name, Tensor { storage, .. }) in named {
        if wanted.insert(storage.key, *storage).is_some_and(|other| other != *storage) {
            let key = storage.key;
            return reader.refuse(format!("'{name}' has storage '{key}' otherwise than before"));
        }
    }
    let keys = Pickle::read(reader)?;
    let Value::List(list) = keys.value else {
        return reader.refuse("the storages are not a list");
    };
    let mut places = HashMap::new();
    for key in keys.items(list) {
        let storage = if let Value::Text(key) = key { wanted.remove(key) } else { None };
        let Some(Storage { kind, key, count }) = storage else {
            return reader.refuse("a storage belongs to no tensor, or comes twice");
        };
        let announced = u64::from_le_bytes(reader.array()?);
        if announced != count as u64 {
            let why = format!("storage '{key}' has {announced} numbers, its tensors say {count}");
            return reader.refuse(why);
        }
        let start = reader.at;
        reader.take(count.saturating_mul(kind.width()))?;
        places.insert(key, start..reader.at);
    }
    match (wanted.is_empty(), reader.is_at_end()) {
        (true, true) => Ok(places),
        (true, false) => reader.refuse("there are bytes after the last storage"),
        (false, _) => reader.refuse("a tensor's storage is missing"),
    }
}

/// Whole numbers, none below `least`.
fn numbers(values: &[Value<'_>], least: usize) -> Option<Vec<usize>> {
    let number = |value: &Value<'_>| match value {
        Value::Int(number) => usize::try_from(*number).ok().filter(|&n| n >= least),
        _ => None,
    };
    values.iter().map(number).collect()
}

impl Place {
    fn of(
        state: &Pickle<'_>,
        tensor: &Tensor<'_>,
        storages: &HashMap<&str, Range<usize>>,
    ) -> Result<Self, String> {
        let (dims, strides) = (state.items(tensor.dims), state.items(tensor.strides));
        if dims.len() > MOST_DIMENSIONS || dims.len() != strides.len() {
            return Err(format!(
                "has {} dimensions and {} strides; as many of each are needed, at most \
                 {MOST_DIMENSIONS}",
                dims.len(),
                strides.len()
            ));
        }
        let (Some(dims), Some(strides)) = (numbers(dims, 1), numbers(strides, 0)) else {
            return Err("has sizes that are not whole numbers from 1 on".into());
        };
        let count = tensor.storage.count;
        let steps = dims.iter().zip(&strides);
        let last = steps.into_iter().try_fold(tensor.offset, |last, (dim, stride)| {
            last.checked_add((dim - 1).checked_mul(*stride)?)
        });
        let size = dims.iter().try_fold(1usize, |size, &dim| size.checked_mul(dim));
        let fits = last.is_some_and(|last| last < count) && size.is_some_and(|n| n <= count);
        match storages.get(tensor.storage.key).cloned() {
            Some(storage) if fits => Ok(Self { storage, offset: tensor.offset, dims, strides }),
            _ => Err(format!("is {dims:?}, more than the {count} numbers of its storage")),
        }
    }

    /// The numbers, with the dimensions in another order.
    fn gather(&self, storage: &[u8], order: &[usize]) -> Vec<f32> {
        let dims: Vec<usize> = order.iter().map(|&axis| self.dims[axis]).collect();
        let strides: Vec<usize> = order.iter().map(|&axis| self.strides[axis]).collect();
        let count = dims.iter().product();
        let mut values = Vec::with_capacity(count);
        let mut index = vec![0; dims.len()];
        let mut at = self.offset;
        while values.len() < count {
            let bytes = &storage[4 * at..];
            values.push(f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
            // The last dimension varies fastest; one that is through starts anew.
            for axis in (0..dims.len()).rev() {
                index[axis] += 1;
                at += strides[axis];
                if index[axis] < dims[axis] {
                    break;
                }
                at -= dims[axis] * strides[axis];
                index[axis] = 0;
            }
        }
        values
    }
}

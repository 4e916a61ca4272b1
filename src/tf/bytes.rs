//! String tensors of arbitrary bytes, such as JPEG files and serialized summaries. (The bindings'
//! own `Tensor<String>` panics on bytes that are not UTF-8.)

use std::ffi::{c_int, c_void};
use std::fmt;
use tensorflow::{DataType, Result, Status, TensorType};
use tensorflow_sys_runtime as tf;

/// One element of a DT_STRING tensor.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({} B)", self.0.len())
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

#[allow(unsafe_code)]
impl TensorType for Bytes {
    type InnerType = tensorflow::TensorDataNoCRepr<Self>;

    fn data_type() -> DataType {
        DataType::String
    }

    fn zero() -> Self {
        Self::default()
    }

    fn one() -> Self {
        Self(vec![1])
    }

    fn is_repr_c() -> bool {
        false
    }

    fn unpack(data: &[u8], count: usize) -> Result<Vec<Self>> {
        if data.len() < count * size_of::<tf::TF_TString>() {
            return Err(Status::new_set_lossy(
                tensorflow::Code::DataLoss,
                "a string tensor's buffer is too short",
            ));
        }
        let first = data.as_ptr().cast::<tf::TF_TString>();
        let element = |i| {
            // SAFETY: a DT_STRING tensor's buffer is `count` TF_TString, by TensorFlow's ABI; it
            // lives, aligned and unchanged, as long as `data`. Each string's pointer
            // and size describe initialised bytes.
            unsafe {
                let string = first.add(i);
                let (pointer, size) =
                    (tf::TF_StringGetDataPointer(string), tf::TF_StringGetSize(string));
                if size == 0 {
                    Vec::new()
                } else {
                    std::slice::from_raw_parts(pointer.cast::<u8>(), size).to_vec()
                }
            }
        };
        Ok((0..count).map(|i| Self(element(i))).collect())
    }

    fn pack(data: &[Self], dims: &[u64]) -> Result<*mut tf::TF_Tensor> {
        // SAFETY: TF_AllocateTensor gives a buffer of the size asked for, aligned for any element,
        // owned by the tensor, which also frees the strings in it. Each TF_TString is
        // initialised before it is written; the shape's product is the number of elements
        // (the bindings built both from the same dimensions).
        unsafe {
            let size = size_of_val(data) / size_of::<Self>() * size_of::<tf::TF_TString>();
            let tensor = tf::TF_AllocateTensor(
                tf::TF_DataType::TF_STRING,
                dims.as_ptr().cast(),
                dims.len() as c_int,
                size,
            );
            if tensor.is_null() {
                return Err(Status::new_set_lossy(
                    tensorflow::Code::ResourceExhausted,
                    "no memory for a tensor",
                ));
            }
            let strings: *mut tf::TF_TString = tf::TF_TensorData(tensor).cast::<c_void>().cast();
            for (i, bytes) in data.iter().enumerate() {
                tf::TF_StringInit(strings.add(i));
                tf::TF_StringCopy(strings.add(i), bytes.0.as_ptr().cast(), bytes.0.len());
            }
            Ok(tensor)
        }
    }
}

//! A matrix of features, one row per photograph.

use matrixmultiply::dgemm;
use std::fmt::Debug;
use std::ops::Range;

/// Features of photographs that need not all be in memory.
pub trait FeatureRows: Debug {
    /// Numbers in a row.
    fn width(&self) -> usize;

    /// The number of rows.
    fn count(&self) -> usize;

    /// Some of the rows, one after the other, perhaps in `room`.
    fn rows<'r>(&'r self, range: Range<usize>, room: &'r mut Vec<f64>) -> &'r [f64];
}

impl FeatureRows for Features {
    fn width(&self) -> usize {
        self.width
    }

    fn count(&self) -> usize {
        self.len()
    }

    fn rows<'r>(&'r self, range: Range<usize>, _: &'r mut Vec<f64>) -> &'r [f64] {
        &self.values[range.start * self.width..range.end * self.width]
    }
}

/// Features of photographs, [photographs, features], row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// Numbers in a row.
    pub width: usize,
    values: Vec<f64>,
}

impl Features {
    /// Features from rows of `width` numbers each.
    #[must_use]
    pub fn new<'r>(width: usize, rows: impl IntoIterator<Item = &'r [f32]>) -> Self {
        let rows = rows.into_iter().flat_map(|row| row[..width].iter().copied());
        Self { width, values: rows.map(f64::from).collect() }
    }

    /// A matrix of `n` rows and columns.
    pub(super) fn square(n: usize, values: Vec<f64>) -> Self {
        Self { width: n, values }
    }

    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len().checked_div(self.width).unwrap_or(0)
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.width..][..self.width]
    }

    /// The rows of these indices.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        let values = rows.iter().flat_map(|&row| self.row(row).iter().copied()).collect();
        Self { width: self.width, values }
    }

    /// The rows less their mean, each scaled to length 1. (A row that is the mean stays 0.)
    #[must_use]
    pub(super) fn directions(&self) -> Self {
        let mut mean = vec![0.0; self.width];
        for row in self.values.chunks_exact(self.width.max(1)) {
            mean.iter_mut().zip(row).for_each(|(m, v)| *m += v / self.len() as f64);
        }
        let mut values = self.values.clone();
        for row in values.chunks_exact_mut(self.width.max(1)) {
            row.iter_mut().zip(&mean).for_each(|(v, m)| *v -= m);
            let length = row.iter().map(|v| v * v).sum::<f64>().sqrt();
            if length > 0.0 {
                row.iter_mut().for_each(|v| *v /= length);
            }
        }
        Self { width: self.width, values }
    }

    /// The features with each number replaced by `f(column, number)`.
    #[must_use]
    pub(super) fn map_columns(&self, f: impl Fn(usize, f64) -> f64) -> Self {
        let columns = (0..self.width).cycle();
        let values = self.values.iter().zip(columns).map(|(&x, column)| f(column, x)).collect();
        Self { width: self.width, values }
    }

    /// The photographs rotated, and the way back for weights; `None` where that saves nothing.
    #[must_use]
    pub(super) fn rotation(&self) -> Option<(Self, Rotation)> {
        let n = self.len();
        if n >= self.width {
            return None;
        }
        let mut gram = vec![0.0; n * n];
        self.times_transposed(self, &mut gram);
        let (rotated, pivots) = pivoted_cholesky(&gram, n);
        let rotation = Rotation { factor: rotated.select(&pivots), pivots };
        Some((rotated, rotation))
    }

    /// The same photographs in as few coordinates as they span.
    ///
    /// Where there are fewer photographs than features, this is a rotation into the space they
    /// span, so that any classifier with a penalty on ‖W‖ gives the same answers, only sooner: with
    /// the pivoted Cholesky decomposition XXᵀ = LLᵀ, the rows of L have the same inner products as
    /// the rows of X.
    #[must_use]
    pub fn rotated(self) -> Self {
        self.rotation().map_or(self, |(rotated, _)| rotated)
    }

    /// `into` = self · otherᵀ, [rows of self, rows of other].
    pub(super) fn times_transposed(&self, other: &Self, into: &mut [f64]) {
        let transposed = Matrix::of(&other.values, other.len(), other.width).transposed();
        product(self.matrix(), transposed, 0.0, into);
    }

    /// `into` = self · w, with w of [features, classes] and `into` of [rows, classes].
    pub(super) fn times(&self, w: &[f64], classes: usize, into: &mut [f64]) {
        times(&self.values, [self.len(), self.width, classes], w, into);
    }

    /// `into` += selfᵀ · r, with r of [rows, classes] and `into` of [features, classes].
    pub(super) fn transposed_times(&self, r: &[f64], classes: usize, into: &mut [f64]) {
        transposed_times(&self.values, [self.len(), self.width, classes], r, into);
    }

    fn matrix(&self) -> Matrix<'_> {
        Matrix::of(&self.values, self.len(), self.width)
    }
}

/// `into` = x · w, with x of [rows, features], w of [features, classes] and `into` of
/// [rows, classes].
pub(super) fn times(x: &[f64], [rows, width, classes]: [usize; 3], w: &[f64], into: &mut [f64]) {
    product(Matrix::of(x, rows, width), Matrix::of(w, width, classes), 0.0, into);
}

/// `into` += xᵀ · r, with x of [rows, features], r of [rows, classes] and `into` of
/// [features, classes].
pub(super) fn transposed_times(
    x: &[f64],
    [rows, width, classes]: [usize; 3],
    r: &[f64],
    into: &mut [f64],
) {
    product(Matrix::of(x, rows, width).transposed(), Matrix::of(r, rows, classes), 1.0, into);
}

/// A matrix as a product takes it: numbers, and how far rows and columns are apart.
#[derive(Clone, Copy)]
struct Matrix<'v> {
    values: &'v [f64],
    rows: usize,
    columns: usize,
    strides: [isize; 2],
}

impl<'v> Matrix<'v> {
    /// Row by row.
    fn of(values: &'v [f64], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns);
        Self { values, rows, columns, strides: [columns as isize, 1] }
    }

    fn transposed(self) -> Self {
        let Self { values, rows, columns, strides: [a, b] } = self;
        Self { values, rows: columns, columns: rows, strides: [b, a] }
    }
}

/// `into` = kept · into + a · b, row by row.
fn product(a: Matrix<'_>, b: Matrix<'_>, kept: f64, into: &mut [f64]) {
    assert!(a.columns == b.rows && into.len() == a.rows * b.columns);
    let ([a_row, a_column], [b_row, b_column]) = (a.strides, b.strides);
    let (from_a, from_b, to) = (a.values.as_ptr(), b.values.as_ptr(), into.as_mut_ptr());
    let (m, k, n) = (a.rows, a.columns, b.columns);
    // SAFETY: `Matrix::of` has checked that each matrix fills its numbers, with strides for rows
    // and columns; `into` has room for the product, and is borrowed exclusively.
    #[allow(unsafe_code)]
    unsafe {
        let row = n as isize;
        dgemm(m, k, n, 1.0, from_a, a_row, a_column, from_b, b_row, b_column, kept, to, row, 1);
    }
}

/// From weights of rotated features back to weights of the features themselves.
#[derive(Debug)]
pub(super) struct Rotation {
    /// L's rows of the pivots, lower triangular.
    factor: Features,
    pivots: Vec<usize>,
}

impl Rotation {
    /// W with XW = LV: W = XᵀA, where A is 0 but for the pivots' rows, which solve LᵀA = V.
    pub(super) fn back(&self, features: &Features, v: &[f64], classes: usize) -> Vec<f64> {
        let r = self.pivots.len();
        let mut a = v.to_vec();
        for row in (0..r).rev() {
            for class in 0..classes {
                let known = (row + 1..r).map(|i| self.factor.row(i)[row] * a[i * classes + class]);
                let known: f64 = known.sum();
                let entry = &mut a[row * classes + class];
                *entry = (*entry - known) / self.factor.row(row)[row];
            }
        }
        let mut weights = vec![0.0; features.width * classes];
        features.select(&self.pivots).transposed_times(&a, classes, &mut weights);
        weights
    }
}

/// What is left of the diagonal, relative to its largest entry, below which it is rounding.
const ROUNDING: f64 = 1e-12;

/// L with LLᵀ = `gram` ([n, n], positive semidefinite), with as many columns as its rank, and the
/// row that each column began with.
fn pivoted_cholesky(gram: &[f64], n: usize) -> (Features, Vec<usize>) {
    let mut left: Vec<f64> = (0..n).map(|i| gram[i * n + i]).collect();
    let largest = left.iter().copied().fold(0.0, f64::max);
    let (mut columns, mut pivots): (Vec<Vec<f64>>, Vec<usize>) = (Vec::new(), Vec::new());
    while columns.len() < n {
        let Some(pivot) = (0..n).max_by(|&a, &b| left[a].total_cmp(&left[b])) else { break };
        if left[pivot] <= ROUNDING * largest {
            break;
        }
        let root = left[pivot].sqrt();
        let mut column = gram[pivot * n..][..n].to_vec();
        for before in &columns {
            let factor = before[pivot];
            column.iter_mut().zip(before).for_each(|(c, b)| *c -= factor * b);
        }
        column.iter_mut().for_each(|c| *c /= root);
        left.iter_mut().zip(&column).for_each(|(l, c)| *l -= c * c);
        left[pivot] = 0.0;
        columns.push(column);
        pivots.push(pivot);
    }
    let width = columns.len().max(1);
    let value = |row: usize, column: usize| columns.get(column).map_or(0.0, |c| c[row]);
    let values = (0..n).flat_map(|row| (0..width).map(move |column| (row, column)));
    let values = values.map(|(row, column)| value(row, column)).collect();
    (Features { width, values }, pivots)
}

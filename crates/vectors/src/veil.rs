use std::fmt;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::VectorError;

/// A secret rotation of vectors, so that an index holds nothing that works without the secret.
///
/// The rotation keeps every cosine, so matching answers as before, and a vector under one secret is
/// unrelated to the same vector under another. This is the random orthonormal projection of cancelable
/// biometrics (Teoh, Ngo, Goh: `BioHashing`, Pattern Recognition 37, 2004; Ratha et al., IBM Systems
/// Journal 40, 2001): when an index leaks, its templates cannot be compared with those of another system,
/// and a new secret makes them void.
///
/// It is not encryption. The map is linear: whoever has about as many pairs of a plain vector and its
/// veiled one as there are dimensions solves for it, and whoever may ask for matches learns cosines. Who
/// is similar to whom stays visible in the index. The secret belongs where the other keys are.
///
/// The rotation is the product of random Householder reflections that is uniform among all rotations and
/// mirrorings (Stewart, SIAM Journal on Numerical Analysis 17, 1980). The random numbers come from
/// `ChaCha20` with the secret as its key; sums of twelve stand for normal ones, so that no step depends on a
/// platform's logarithm. The same secret gives the same bits everywhere and in every version.
pub struct Veil {
    /// Number `k` reflects the last `dimension - k` components; unit length, or empty for none.
    mirrors: Vec<Vec<f64>>,
    /// 1 or -1 for each component.
    signs: Vec<f64>,
}

impl fmt::Debug for Veil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The numbers are as good as the secret.
        f.debug_struct("Veil").field("dimension", &self.dimension()).finish_non_exhaustive()
    }
}

/// Nearly normal, with variance 1: the sum of twelve uniform numbers (Irwin and Hall).
fn normal(random: &mut ChaCha20Rng) -> f64 {
    (0..12).map(|_| f64::from(random.next_u32()) / 4_294_967_296.0).sum::<f64>() - 6.0
}

/// In a fixed order of additions, four at a time.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 4];
    let (whole_a, whole_b) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = whole_a.remainder().iter().zip(whole_b.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in whole_a.zip(whole_b) {
        for lane in 0..4 {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + rest
}

impl Veil {
    /// The rotation of vectors of `dimension` numbers under a secret. Takes milliseconds for 512.
    pub fn new(secret: &[u8; 32], dimension: usize) -> Self {
        let mut random = ChaCha20Rng::from_seed(*secret);
        let (mut mirrors, mut signs) = (Vec::with_capacity(dimension), Vec::with_capacity(dimension));
        for k in 0..dimension {
            let mut mirror: Vec<f64> = (k..dimension).map(|_| normal(&mut random)).collect();
            let sign = if mirror[0] < 0.0 { -1.0 } else { 1.0 };
            signs.push(-sign);
            // The reflection that takes this random direction to the first axis.
            mirror[0] += sign * dot(&mirror, &mirror).sqrt();
            let length = dot(&mirror, &mirror).sqrt();
            if length > 0.0 {
                for v in &mut mirror {
                    *v /= length;
                }
            } else {
                mirror.clear();
            }
            mirrors.push(mirror);
        }
        Self { mirrors, signs }
    }

    /// Numbers a vector.
    pub fn dimension(&self) -> usize {
        self.signs.len()
    }

    /// The vector under this veil: as long as it was, and at the same angle to others under the same veil.
    ///
    /// # Errors
    /// [`VectorError::Dimension`] when it has another number of components.
    pub fn apply(&self, vector: &[f32]) -> Result<Vec<f32>, VectorError> {
        if vector.len() != self.dimension() {
            return Err(VectorError::Dimension { expected: self.dimension(), found: vector.len() });
        }
        let mut turned: Vec<f64> = vector.iter().map(|v| f64::from(*v)).collect();
        for (k, mirror) in self.mirrors.iter().enumerate().rev() {
            let part = &mut turned[k..k + mirror.len()];
            let twice = 2.0 * dot(mirror, part);
            for (v, m) in part.iter_mut().zip(mirror) {
                *v -= twice * m;
            }
        }
        Ok(turned.iter().zip(&self.signs).map(|(v, sign)| (v * sign) as f32).collect())
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    const SECRET: [u8; 32] = *b"a secret of exactly 32 bytes....";

    fn random_unit(rng: &mut StdRng, dimension: usize) -> Vec<f32> {
        let v: Vec<f32> = (0..dimension).map(|_| rng.random_range(-1.0..1.0)).collect();
        let length = v.iter().map(|x| x * x).sum::<f32>().sqrt();
        v.iter().map(|x| x / length).collect()
    }

    fn cosine(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
    }

    #[test]
    fn a_veil_changes_no_cosine() {
        let mut rng = StdRng::seed_from_u64(1);
        for dimension in [1, 2, 3, 7, 128, 512] {
            let veil = Veil::new(&SECRET, dimension);
            let plain: Vec<Vec<f32>> = (0..12).map(|_| random_unit(&mut rng, dimension)).collect();
            let veiled: Vec<Vec<f32>> = plain.iter().map(|v| veil.apply(v).expect("fits")).collect();
            for (p, v) in plain.iter().zip(&veiled) {
                for (q, w) in plain.iter().zip(&veiled) {
                    assert!((cosine(p, q) - cosine(v, w)).abs() < 1e-5, "{dimension}");
                }
            }
        }
    }

    #[test]
    fn the_images_of_the_axes_are_at_right_angles() {
        let dimension = 96;
        let veil = Veil::new(&SECRET, dimension);
        let axis = |k: usize| -> Vec<f32> { (0..dimension).map(|i| f32::from(u8::from(i == k))).collect() };
        let columns: Vec<Vec<f32>> = (0..dimension).map(|k| veil.apply(&axis(k)).expect("fits")).collect();
        for (i, a) in columns.iter().enumerate() {
            for (j, b) in columns.iter().enumerate() {
                let want = f64::from(u8::from(i == j));
                assert!((cosine(a, b) - want).abs() < 1e-6, "{i} {j}: {}", cosine(a, b));
            }
        }
        // And no axis stays where it was, as it would under a shuffle.
        assert!(columns.iter().flatten().all(|v| v.abs() < 0.7));
    }

    #[test]
    fn two_secrets_leave_nothing_to_link() {
        let mut rng = StdRng::seed_from_u64(2);
        let other = *b"another secret of 32 bytes......";
        let (ours, theirs) = (Veil::new(&SECRET, 512), Veil::new(&other, 512));
        let mut squares = 0.0;
        for _ in 0..40 {
            let face = random_unit(&mut rng, 512);
            let (a, b) = (ours.apply(&face).expect("fits"), theirs.apply(&face).expect("fits"));
            // Chance alone gives 1/√512 = .044 on average; five times that has never been seen.
            for pair in [cosine(&a, &b), cosine(&a, &face), cosine(&b, &face)] {
                assert!(pair.abs() < 0.22, "{pair}");
                squares += pair * pair / 120.0;
            }
        }
        assert!((0.5..2.0).contains(&(squares * 512.0)), "the spread is not that of chance: {squares}");
    }

    #[test]
    fn a_secret_means_the_same_rotation_in_every_version() {
        let face: Vec<f32> = (0..6).map(|i| i as f32 - 1.5).collect();
        let veiled = Veil::new(&SECRET, 6).apply(&face).expect("fits");
        // Worked out apart from this code, from the definitions in the documentation of `Veil`.
        let want = [0x404e_a2f4, 0xbe22_d809, 0x3f96_2a0b, 0xbf15_e18f, 0x402f_38cd, 0x3ffa_ad3b];
        assert_eq!(veiled.iter().map(|v| v.to_bits()).collect::<Vec<u32>>(), want, "{veiled:?}");
    }

    #[test]
    fn a_vector_of_another_length_is_refused_and_the_secret_is_not_printed() {
        let veil = Veil::new(&SECRET, 4);
        assert!(matches!(veil.apply(&[1.0; 3]), Err(VectorError::Dimension { expected: 4, found: 3 })));
        assert_eq!(format!("{veil:?}"), "Veil { dimension: 4, .. }");
    }
}

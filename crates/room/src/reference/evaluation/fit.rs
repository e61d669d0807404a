//! A logistic model of blocks, by Newton's method.

use crate::reference::calibration::Classifier;
use crate::reference::evidence::MEASURES;

const N: usize = MEASURES + 1;

/// One block: what was measured, whether it differs, and how much it counts.
pub(super) type Row = ([f32; MEASURES], bool, f32);

/// The weights with the highest likelihood, held back by a ridge. With all labels alike the answer is their constant.
pub(super) fn logistic(rows: &[Row], ridge: f64) -> Classifier {
    let mut theta = [0.0_f64; N];
    for _ in 0..25 {
        let mut gradient = [0.0_f64; N];
        let mut hessian = [[0.0_f64; N]; N];
        for i in 0..N {
            // The bias is free.
            let held = if i + 1 == N { 1e-6 } else { ridge };
            gradient[i] = -held * theta[i];
            hessian[i][i] = held;
        }
        for (measures, positive, weight) in rows {
            let mut x = [1.0_f64; N];
            x.iter_mut().zip(measures).for_each(|(x, m)| *x = f64::from(*m));
            let odds: f64 = x.iter().zip(&theta).map(|(x, t)| x * t).sum();
            let p = 1.0 / (1.0 + (-odds).exp());
            let (weight, target) = (f64::from(*weight), f64::from(u8::from(*positive)));
            for i in 0..N {
                gradient[i] += weight * (target - p) * x[i];
                for j in 0..N {
                    hessian[i][j] += weight * p * (1.0 - p) * x[i] * x[j];
                }
            }
        }
        let Some(step) = solved(hessian, gradient) else { break };
        let length = step.iter().map(|s| s * s).sum::<f64>().sqrt();
        let damped = if length > 5.0 { 5.0 / length } else { 1.0 };
        theta.iter_mut().zip(&step).for_each(|(t, s)| *t += damped * s);
        if length < 1e-6 {
            break;
        }
    }
    let mut weights = [0.0; MEASURES];
    weights.iter_mut().zip(&theta).for_each(|(w, t)| *w = *t as f32);
    Classifier { weights, bias: theta[MEASURES] as f32 }
}

fn solved(mut a: [[f64; N]; N], mut b: [f64; N]) -> Option<[f64; N]> {
    for i in 0..N {
        let pivot = (i..N).max_by(|p, q| a[*p][i].abs().total_cmp(&a[*q][i].abs()))?;
        a.swap(i, pivot);
        b.swap(i, pivot);
        if a[i][i].abs() < 1e-12 {
            return None;
        }
        for row in i + 1..N {
            let factor = a[row][i] / a[i][i];
            let lead = a[i];
            a[row].iter_mut().zip(&lead).for_each(|(v, l)| *v -= factor * l);
            b[row] -= factor * b[i];
        }
    }
    let mut out = [0.0; N];
    for i in (0..N).rev() {
        let known: f64 = (i + 1..N).map(|j| a[i][j] * out[j]).sum();
        out[i] = (b[i] - known) / a[i][i];
    }
    Some(out)
}

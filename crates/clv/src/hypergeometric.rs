//! Expectations under a beta distribution, and with them Gauss's hypergeometric function.
//!
//! The series of 2F1 needs millions of terms where its argument nears 1, and overflows for guests with hundreds of
//! purchases. Euler's integral has neither weakness: it is the mean of a bounded function of a beta variable. On the
//! logit scale the density is smooth and falls exponentially, and after a sinh substitution the trapezoidal rule on it gains
//! digits exponentially with the number of nodes (Takahasi & Mori, *Double Exponential Formulas*, 1974).

/// Distance of nodes after the substitution.
const STEP: f64 = 0.03;
/// Logarithm of the weight, against the peak, below which nodes are dropped.
const NEGLIGIBLE: f64 = -46.0;

/// One node of a beta variable p.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    /// p.
    pub p: f64,
    /// 1 - p, exact where p is near 1.
    pub rest: f64,
    /// Weight; all of a rule sum to 1.
    pub weight: f64,
}

/// Nodes whose weighted sum is the mean under Beta(a, b), a > 0, b > 0, of a function whose values lie within a factor of
/// e^`span`.
pub(crate) fn beta_rule(a: f64, b: f64, span: f64) -> Vec<Node> {
    let negligible = NEGLIGIBLE - span;
    let log_density = |y: f64| -a * softplus(-y) - b * softplus(y);
    let mode = (a / b).ln();
    let peak = log_density(mode);
    let scale = (1.0 / a + 1.0 / b).sqrt().min(1.0);
    let mut nodes = Vec::new();
    for direction in [-1.0, 1.0] {
        for place in 0.. {
            if place == 0 && direction > 0.0 {
                continue;
            }
            let s = direction * STEP * f64::from(place);
            let y = mode + scale * s.sinh();
            let log_weight = log_density(y) - peak + s.cosh().ln();
            if log_weight.is_nan() || log_weight <= negligible {
                break;
            }
            let (p, rest) = ((-softplus(-y)).exp(), (-softplus(y)).exp());
            nodes.push(Node { p, rest, weight: log_weight.exp() });
        }
    }
    let sum: f64 = nodes.iter().map(|node| node.weight).sum();
    for node in &mut nodes {
        node.weight /= sum;
    }
    // What carries nothing is not worth a power.
    nodes.retain(|node| node.weight > 0.0);
    nodes
}

/// ln(1 + e^y).
fn softplus(y: f64) -> f64 {
    if y > 0.0 { y + (-y).exp().ln_1p() } else { y.exp().ln_1p() }
}

/// Gauss's hypergeometric function 2F1(a, b; c; z) on the real axis below 1, for c > b > 0 or c > a > 0.
///
/// Precise to about 1e-10 relative; it may be infinite where the value is beyond `f64`. `None` where the parameters or z lie
/// outside of what Euler's integral defines, or are no numbers.
pub fn gauss_hypergeometric(a: f64, b: f64, c: f64, z: f64) -> Option<f64> {
    if ![a, b, c, z].iter().all(|value| value.is_finite()) || z >= 1.0 {
        return None;
    }
    let (a, b) = if b > 0.0 && c > b { (a, b) } else { (b, a) };
    if !(b > 0.0 && c > b) {
        return None;
    }
    // Where the integrand would be largest at the end of the interval, Euler's transformation takes that growth outside.
    let growth = c - a - b;
    if growth < 0.0 && z > 0.5 {
        return Some(euler(c - a, c - b, c, z) * (growth * (-z).ln_1p()).exp());
    }
    Some(euler(a, b, c, z))
}

/// The mean of (1 - zp)^(-a) under Beta(b, c - b).
fn euler(a: f64, b: f64, c: f64, z: f64) -> f64 {
    let power = |node: &Node| {
        let base = if z < 0.0 { (-z * node.p).ln_1p() } else { (node.rest + node.p * (1.0 - z)).ln() };
        node.weight * (-a * base).exp()
    };
    beta_rule(b, c - b, (a * (-z).ln_1p()).abs()).iter().map(power).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: Option<f64>, want: f64) {
        let got = got.expect("defined");
        assert!((got / want - 1.0).abs() < 1e-9, "{got} {want}");
    }

    #[test]
    fn known_values() {
        // Elementary forms.
        for z in [-1e7_f64, -50.0, -0.3, 1e-9, 0.3, 0.999, 1.0 - 1e-9] {
            near(gauss_hypergeometric(1.0, 1.0, 2.0, z), -(-z).ln_1p() / z);
            near(gauss_hypergeometric(2.5, 0.7, 0.7 + 1e-6, z).filter(|v| v.is_finite()).map(|_| 1.0), 1.0);
            // (1 - z)^(-a), b = c being the border of Euler's integral, by contiguity: F(a, b; b + 1; z) for a = 2, b = 1.
            near(gauss_hypergeometric(2.0, 1.0, 2.0, z), 1.0 / (1.0 - z));
        }
        // Gauss's theorem at the end: F(a, b; c; 1) = Γ(c) Γ(c-a-b) / (Γ(c-a) Γ(c-b)); here 4! 1! / (3! 2!) = 2.
        near(gauss_hypergeometric(1.0, 2.0, 5.0, 1.0 - 1e-13), 2.0);
    }

    #[test]
    fn values_of_arithmetic_with_fifty_digits() {
        for (a, b, c, z, want) in [
            (2.242_6, 4.425_9, 5.218_8, 0.3, 1.953_264_072_979_045),
            (2.242_6, 0.792_9, 5.218_8, -1e7, 7.061_823_087_443_38e-6),
            (1_000.24, 0.792_9, 1_003.2, -50.0, 0.044_367_610_076_909_39),
            (2.5, 0.7, 0.9, 0.999, 5_740_742.486_225_689),
            (0.5, 0.7, 0.9, 1.0 - 1e-9, 695.944_266_208_690_3),
            (3.5, 1.2, 5.0, 1.0 - 1e-9, 17.190_719_958_831_36),
            (60.7, 62.1, 63.3, 0.75, 6.903_860_508_171_345e+35),
            (0.3, 200.0, 1e4, -300.0, 0.558_181_557_475_423_5),
            (-2.5, 0.7, 3.0, 0.9, 0.612_345_477_562_405_7),
            (1.243, 1e-6, 2.4, -1_000.0, 0.999_993_976_272_086_3),
            (5.5, 4_000.0, 9_000.0, -12.0, 3.906_492_925_355_786e-5),
        ] {
            near(gauss_hypergeometric(a, b, c, z), want);
        }
    }

    #[test]
    fn outside_of_the_integral_there_is_no_answer() {
        for (a, b, c, z) in [
            (1.0, 1.0, 0.5, 0.2),
            (1.0, 1.0, 2.0, 1.0),
            (1.0, f64::NAN, 2.0, 0.1),
            (f64::INFINITY, 1.0, 2.0, 0.1),
            (-1.0, -1.0, 2.0, 0.1),
        ] {
            assert_eq!(gauss_hypergeometric(a, b, c, z), None);
        }
    }

    #[test]
    fn rules_have_the_moments_of_the_beta_distribution() {
        for (a, b) in
            [(1e-6, 1.0), (0.01, 0.02), (0.79, 2.4), (3.0, 200.0), (1e5, 2e5), (40.0, 0.1), (1e-3, 1e4)]
        {
            let rule = beta_rule(a, b, 0.0);
            let mean: f64 = rule.iter().map(|node| node.weight * node.p).sum();
            let rest: f64 = rule.iter().map(|node| node.weight * node.p * node.rest).sum();
            let both = a * b / ((a + b) * (a + b + 1.0));
            assert!((mean / (a / (a + b)) - 1.0).abs() < 1e-9, "{a} {b} {mean} with {}", rule.len());
            assert!((rest / both - 1.0).abs() < 1e-9, "{a} {b} {rest} {both} with {}", rule.len());
        }
    }
}

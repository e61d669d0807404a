//! The gamma function's logarithm and its first two derivatives, for positive arguments.

/// From this argument on the asymptotic series are exact to the last digits.
const ASYMPTOTIC: f64 = 12.0;

/// ln Γ(x), x > 0.
pub(crate) fn log_gamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// ψ(x) = d ln Γ / dx, x > 0: recurrence up to where the asymptotic series holds (Abramowitz & Stegun 6.3.5, 6.3.18).
pub(crate) fn digamma(mut x: f64) -> f64 {
    let mut shift = 0.0;
    while x < ASYMPTOTIC {
        shift -= 1.0 / x;
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    let series = y
        * (1.0 / 12.0
            - y * (1.0 / 120.0
                - y * (1.0 / 252.0 - y * (1.0 / 240.0 - y * (1.0 / 132.0 - y * 691.0 / 32_760.0)))));
    shift + x.ln() - 0.5 / x - series
}

/// ψ'(x), x > 0 (Abramowitz & Stegun 6.4.6, 6.4.12).
pub(crate) fn trigamma(mut x: f64) -> f64 {
    let mut shift = 0.0;
    while x < ASYMPTOTIC {
        shift += 1.0 / (x * x);
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    let series = y
        * (1.0 / 6.0
            - y * (1.0 / 30.0
                - y * (1.0 / 42.0 - y * (1.0 / 30.0 - y * (5.0 / 66.0 - y * 691.0 / 2_730.0)))));
    shift + 1.0 / x + 0.5 * y + series / x
}

/// ln B(a, b), a > 0, b > 0, without the cancellation of three large logarithms (Didonato & Morris, *Algorithm 708*, 1992).
pub(crate) fn log_beta(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    let share = low / (low + high);
    if low >= ASYMPTOTIC {
        let corrections = correction(low) + correction(high) - correction(low + high);
        0.5 * (2.0 * std::f64::consts::PI / high).ln()
            + corrections
            + (low - 0.5) * share.ln()
            + high * (-share).ln_1p()
    } else if high >= ASYMPTOTIC {
        let corrections = correction(high) - correction(low + high);
        log_gamma(low) + corrections + low - low * (low + high).ln() + (high - 0.5) * (-share).ln_1p()
    } else {
        log_gamma(low) + log_gamma(high) - log_gamma(low + high)
    }
}

/// What Stirling's formula lacks.
fn correction(x: f64) -> f64 {
    let y = 1.0 / (x * x);
    (1.0 / 12.0 - y * (1.0 / 360.0 - y * (1.0 / 1_260.0 - y * (1.0 / 1_680.0 - y / 1_188.0)))) / x
}

/// The logarithm of the sum of two exponentials.
#[cfg(test)]
pub(crate) fn log_sum(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if high == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Euler's constant.
    const EULER: f64 = 0.577_215_664_901_532_9;

    #[test]
    fn derivatives_of_log_gamma_have_their_known_values() {
        let pi = std::f64::consts::PI;
        let near =
            |got: f64, want: f64| assert!((got - want).abs() <= 1e-13 * want.abs().max(1.0), "{got} {want}");
        near(digamma(1.0), -EULER);
        near(digamma(0.5), -EULER - 2.0 * 2.0_f64.ln());
        near(digamma(10.0), 2.251_752_589_066_721);
        near(trigamma(1.0), pi * pi / 6.0);
        near(trigamma(0.5), pi * pi / 2.0);
        near(log_gamma(0.5), 0.5 * pi.ln());
        for x in [1e-6, 0.03, 0.7, 3.3, 11.9, 12.1, 400.0, 1e6] {
            // Recurrences across the border of the two methods.
            near((digamma(x + 1.0) - digamma(x)) * x, 1.0 + (digamma(x + 1.0) - digamma(x) - 1.0 / x) * x);
            assert!(
                (digamma(x + 1.0) - digamma(x) - 1.0 / x).abs() < 1e-14 * digamma(x).abs().max(1.0) * 20.0
            );
            assert!((trigamma(x) - trigamma(x + 1.0) - 1.0 / (x * x)).abs() < 1e-13 * trigamma(x).max(1.0));
        }
    }

    #[test]
    fn the_beta_function_is_the_same_on_both_sides_of_its_borders() {
        for (a, b) in [(0.3, 11.9), (0.3, 12.1), (11.9, 30.0), (12.1, 30.0), (5.0, 90.0), (50.0, 70.0)] {
            let want = log_gamma(a) + log_gamma(b) - log_gamma(a + b);
            assert!((log_beta(a, b) - want).abs() < 1e-12 * log_gamma(a + b).abs().max(1.0), "{a} {b}");
        }
        // B(1, n) = 1 / n.
        assert!((log_beta(1.0, 1e9) + 1e9_f64.ln()).abs() < 1e-6);
    }

    #[test]
    fn a_sum_of_exponentials_does_not_overflow() {
        assert!((log_sum(1000.0, 1000.0) - 1000.0 - 2.0_f64.ln()).abs() < 1e-12);
        assert!((log_sum(-1e5, f64::NEG_INFINITY) + 1e5).abs() < 1e-9);
        assert!(log_sum(f64::NEG_INFINITY, f64::NEG_INFINITY) < f64::MIN);
    }
}

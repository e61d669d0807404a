use crate::ModelRef;

/// A unit-length vector that one model computed. Only embeddings of the same model can be compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    model: ModelRef,
    vector: Vec<f32>,
}

/// Why two vectors are no embeddings, or cannot be compared.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EmbeddingError {
    /// A component is NaN or infinite, or all are zero.
    #[error("the vector has no direction: a component is not finite, or all are zero")]
    NoDirection,
    /// The embeddings come from different models.
    #[error("embeddings of {left} and {right} cannot be compared")]
    DifferentModels {
        /// Model of the left side.
        left: ModelRef,
        /// Model of the right side.
        right: ModelRef,
    },
}

impl Embedding {
    /// Scales `vector` to unit length and remembers which model it came from.
    ///
    /// # Errors
    /// [`EmbeddingError::NoDirection`] when the vector cannot be normalised.
    pub fn normalised(model: ModelRef, mut vector: Vec<f32>) -> Result<Self, EmbeddingError> {
        let norm = vector.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt();
        if !norm.is_finite() || norm <= f64::from(f32::MIN_POSITIVE) {
            return Err(EmbeddingError::NoDirection);
        }
        for v in &mut vector {
            *v = (f64::from(*v) / norm) as f32;
        }
        Ok(Self { model, vector })
    }

    /// The model this embedding came from.
    pub fn model(&self) -> &ModelRef {
        &self.model
    }

    /// The unit vector.
    pub fn vector(&self) -> &[f32] {
        &self.vector
    }

    /// The unit vector, owned.
    pub fn into_vector(self) -> Vec<f32> {
        self.vector
    }

    /// Cosine of the angle between two embeddings, -1 to 1.
    ///
    /// # Errors
    /// [`EmbeddingError::DifferentModels`] when they come from different models.
    pub fn cosine(&self, other: &Self) -> Result<f32, EmbeddingError> {
        if self.model != other.model || self.vector.len() != other.vector.len() {
            return Err(EmbeddingError::DifferentModels {
                left: self.model.clone(),
                right: other.model.clone(),
            });
        }
        Ok(self.vector.iter().zip(&other.vector).map(|(a, b)| a * b).sum::<f32>().clamp(-1.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str) -> ModelRef {
        ModelRef::new(name, "1").expect("a valid name")
    }

    #[test]
    fn a_vector_without_direction_is_no_embedding() {
        for bad in [vec![0.0; 4], vec![f32::NAN, 1.0], vec![f32::INFINITY, 1.0]] {
            assert_eq!(Embedding::normalised(model("m"), bad), Err(EmbeddingError::NoDirection));
        }
    }

    #[test]
    fn embeddings_of_two_models_are_never_compared() {
        let a = Embedding::normalised(model("a"), vec![3.0, 4.0]).expect("finite");
        let b = Embedding::normalised(model("b"), vec![3.0, 4.0]).expect("finite");
        assert!((a.cosine(&a).expect("same model") - 1.0).abs() < 1e-6);
        assert!(matches!(a.cosine(&b), Err(EmbeddingError::DifferentModels { .. })));
    }
}

//! From the probabilities of each time step to characters: greedy decoding of connectionist temporal
//! classification (A. Graves and others, 2006). The likeliest class of each step is taken, repetitions are one
//! character, class 0 is none.

use super::characters::{Alphabet, Characters};

/// Most other candidates that are kept for a character.
const ALTERNATIVES: usize = 3;

/// A character and the time steps it was read from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Emission {
    pub(super) character: char,
    /// Highest probability among its steps.
    pub(super) confidence: f32,
    /// First step.
    pub(super) from: usize,
    /// Last step.
    pub(super) to: usize,
    /// Other characters at its likeliest step, best first.
    pub(super) alternatives: Vec<(char, f32)>,
}

/// Which candidates a line is decoded with.
#[derive(Clone, Copy)]
pub(super) struct Choice<'a> {
    pub(super) characters: &'a Characters,
    /// Only these compete; all when `None`. Probabilities are then of this choice.
    pub(super) alphabet: Option<&'a Alphabet>,
    /// Whether other candidates are looked for.
    pub(super) alternatives: bool,
}

/// Decodes one line of `steps` times [`Characters::classes`] probabilities.
pub(super) fn decode(probabilities: &[f32], choice: Choice) -> Vec<Emission> {
    let mut emissions = Vec::new();
    // Class of the run at hand, its first step, its likeliest step and the probability there.
    let mut run: Option<(usize, usize, usize, f32)> = None;
    let classes = choice.characters.classes();
    let mut finish = |run: Option<(usize, usize, usize, f32)>, end: usize| {
        let Some((class, from, peak, confidence)) = run else { return };
        let Some(character) = choice.characters.sign(class) else { return };
        let alternatives = if choice.alternatives {
            let step = probabilities.get(peak * classes..(peak + 1) * classes).unwrap_or(&[]);
            others(step, class, choice)
        } else {
            Vec::new()
        };
        emissions.push(Emission { character, confidence, from, to: end.saturating_sub(1), alternatives });
    };
    let steps = probabilities.chunks_exact(classes);
    let count = steps.len();
    for (number, step) in steps.enumerate() {
        let (class, probability) = likeliest(step, choice.alphabet);
        match &mut run {
            Some((at_hand, _, peak, best)) if *at_hand == class => {
                if probability > *best {
                    (*peak, *best) = (number, probability);
                }
            }
            _ => finish(run.replace((class, number, number, probability)), number),
        }
    }
    finish(run, count);
    emissions
}

/// The likeliest class and its probability.
fn likeliest(step: &[f32], alphabet: Option<&Alphabet>) -> (usize, f32) {
    let Some(alphabet) = alphabet else {
        // Two passes that the compiler turns into vector instructions beat one that remembers where.
        let (lanes, rest) = step.as_chunks::<16>();
        let mut best = [f32::NEG_INFINITY; 16];
        for lane in lanes {
            for (best, value) in best.iter_mut().zip(lane) {
                *best = if *value > *best { *value } else { *best };
            }
        }
        let best = best.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max);
        return (step.iter().position(|value| *value >= best).unwrap_or(0), best.clamp(0.0, 1.0));
    };
    let (mut class, mut best, mut sum) = (0, f32::NEG_INFINITY, 0.0);
    for candidate in alphabet.classes() {
        let value = step.get(*candidate).copied().unwrap_or(0.0);
        sum += value;
        if value > best {
            (class, best) = (*candidate, value);
        }
    }
    (class, share(best, sum))
}

fn share(value: f32, sum: f32) -> f32 {
    if sum > 0.0 { (value / sum).clamp(0.0, 1.0) } else { 0.0 }
}

/// The best other characters of a step.
fn others(step: &[f32], chosen: usize, choice: Choice) -> Vec<(char, f32)> {
    let mut best: Vec<(usize, f32)> = Vec::with_capacity(ALTERNATIVES + 1);
    let mut consider = |class: usize, value: f32| {
        if class == 0 || class == chosen || (best.len() == ALTERNATIVES && best[ALTERNATIVES - 1].1 >= value)
        {
            return;
        }
        let at = best.partition_point(|(_, other)| *other >= value);
        best.insert(at, (class, value));
        best.truncate(ALTERNATIVES);
    };
    let mut sum = 1.0;
    match choice.alphabet {
        None => step.iter().enumerate().for_each(|(class, value)| consider(class, *value)),
        Some(alphabet) => {
            let value = |class: &usize| step.get(*class).copied().unwrap_or(0.0);
            sum = alphabet.classes().iter().map(value).sum();
            alphabet.classes().iter().for_each(|class| consider(*class, value(class)));
        }
    }
    let named = |(class, value): (usize, f32)| Some((choice.characters.sign(class)?, share(value, sum)));
    best.into_iter().filter_map(named).collect()
}

/// Where the words of a line begin and end, as ranges of its emissions; spaces belong to no word.
pub(super) fn words(emissions: &[Emission]) -> Vec<std::ops::Range<usize>> {
    let mut words = Vec::new();
    let mut from = 0;
    for at in 0..=emissions.len() {
        if emissions.get(at).is_none_or(|e| e.character.is_whitespace()) {
            if from < at {
                words.push(from..at);
            }
            from = at + 1;
        }
    }
    words
}

/// Left and right end of a word in time steps. The network answers near the middle of a character, so half the
/// usual distance between the line's characters is added on both sides, but never more than half the way to
/// the neighbour.
pub(super) fn extent(emissions: &[Emission], word: &std::ops::Range<usize>) -> (f32, f32) {
    let middle = |e: &Emission| (e.from + e.to + 1) as f32 / 2.0;
    let mut gaps: Vec<f32> = emissions
        .windows(2)
        .filter(|pair| pair.iter().all(|e| !e.character.is_whitespace()))
        .map(|pair| middle(&pair[1]) - middle(&pair[0]))
        .collect();
    gaps.sort_by(f32::total_cmp);
    let half = gaps.get(gaps.len() / 2).copied().unwrap_or(2.0) / 2.0;
    let end = |at: usize, neighbour: Option<&Emission>| {
        let here = emissions.get(at).map_or(0.0, middle);
        let reach = neighbour.map_or(half, |n| half.min((middle(n) - here).abs() / 2.0));
        (here, reach.max(0.5))
    };
    let before = word.start.checked_sub(1).and_then(|i| emissions.get(i));
    let (first, left) = end(word.start, before);
    let (last, right) = end(word.end.saturating_sub(1), emissions.get(word.end));
    (first - left, last + right)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn characters() -> Characters {
        // `a`, `b`, `c`, space: classes 1 to 4.
        Characters::of_model(&{
            let list = b"a\nb\nc";
            let mut entry = vec![0x0a, 9];
            entry.extend(b"character");
            entry.extend([0x12, list.len() as u8]);
            entry.extend(list);
            let mut file = vec![0x72, entry.len() as u8];
            file.extend(entry);
            file
        })
        .unwrap()
    }

    fn line(steps: &[[f32; 5]]) -> Vec<f32> {
        steps.concat()
    }

    fn read(steps: &[[f32; 5]], allowed: Option<&str>) -> Vec<Emission> {
        let characters = characters();
        let alphabet = allowed.map(|allowed| Alphabet::new(&characters, allowed));
        decode(
            &line(steps),
            Choice { characters: &characters, alphabet: alphabet.as_ref(), alternatives: true },
        )
    }

    const BLANK: [f32; 5] = [0.9, 0.1, 0.0, 0.0, 0.0];
    const A: [f32; 5] = [0.1, 0.6, 0.2, 0.06, 0.04];
    const B: [f32; 5] = [0.0, 0.1, 0.7, 0.2, 0.0];
    const SPACE: [f32; 5] = [0.1, 0.0, 0.1, 0.0, 0.8];

    fn text(emissions: &[Emission]) -> String {
        emissions.iter().map(|e| e.character).collect()
    }

    #[test]
    fn repetitions_are_one_character_unless_a_blank_stands_between() {
        assert_eq!(text(&read(&[A, A, B, B, B], None)), "ab");
        assert_eq!(text(&read(&[A, BLANK, A, BLANK], None)), "aa");
        assert_eq!(text(&read(&[BLANK, BLANK], None)), "");
        assert_eq!(text(&read(&[], None)), "");
    }

    #[test]
    fn a_character_at_the_end_is_not_lost_and_its_steps_are_told() {
        let found = read(&[BLANK, A, A, B], None);
        assert_eq!((found[0].from, found[0].to, found[1].from, found[1].to), (1, 2, 3, 3));
    }

    #[test]
    fn only_the_alphabet_competes_and_its_probabilities_are_of_the_choice() {
        let found = read(&[B, BLANK, A], Some("ac"));
        assert_eq!(text(&found), "ca");
        assert!((found[0].confidence - 0.2 / 0.3).abs() < 1e-6);
        assert_eq!(found[0].alternatives.len(), 1);
        assert!((found[0].alternatives[0].1 - 0.1 / 0.3).abs() < 1e-6);
    }

    #[test]
    fn alternatives_come_best_first_without_the_chosen_one() {
        let found = read(&[A], None);
        let signs: Vec<char> = found[0].alternatives.iter().map(|a| a.0).collect();
        assert_eq!(signs, ['b', 'c', ' ']);
    }

    #[test]
    fn words_are_cut_at_spaces_and_lie_beside_one_another() {
        let found = read(&[A, BLANK, B, BLANK, SPACE, BLANK, A, SPACE, SPACE], None);
        assert_eq!(text(&found), "ab a ");
        let words = words(&found);
        assert_eq!(words, [0..2, 3..4]);
        let (first, second) = (extent(&found, &words[0]), extent(&found, &words[1]));
        assert!(
            first.0 <= 0.5 && first.1 >= 2.5 && first.1 <= second.0 && second.1 > 6.5,
            "{first:?} {second:?}"
        );
    }

    proptest::proptest! {
        #[test]
        fn the_likeliest_class_of_many_is_the_one_a_plain_search_finds(
            step in proptest::collection::vec(0.0_f32..1.0, 1..100)
        ) {
            let best = step.iter().copied().fold(0.0, f32::max);
            let (class, value) = likeliest(&step, None);
            proptest::prop_assert_eq!(value.to_bits(), best.to_bits());
            proptest::prop_assert_eq!(Some(class), step.iter().position(|v| *v >= best));
        }
    }
}

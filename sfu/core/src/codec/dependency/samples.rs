//! Structures as encoders send them, written bit by bit, for tests.

/// One template: layers, an indication for each decode target, and what it refers to.
pub(crate) struct Sample {
    layer: (u8, u8),
    indications: &'static str,
    references: &'static [u32],
    chains: &'static [u32],
}

const fn sample(
    layer: (u8, u8),
    indications: &'static str,
    references: &'static [u32],
    chains: &'static [u32],
) -> Sample {
    Sample { layer, indications, references, chains }
}

/// Three spatial layers that depend on each other in key pictures only, as libwebrtc's encoders send them.
pub(crate) const L3T3_KEY: [Sample; 15] = [
    sample((0, 0), "SSSSSSSSS", &[], &[0, 0, 0]),
    sample((0, 0), "SSS------", &[12], &[12, 11, 10]),
    sample((0, 1), "-DS------", &[6], &[6, 5, 4]),
    sample((0, 2), "--D------", &[3], &[3, 2, 1]),
    sample((0, 2), "--D------", &[3], &[9, 8, 7]),
    sample((1, 0), "---SSSSSS", &[1], &[1, 1, 1]),
    sample((1, 0), "---SSS---", &[12], &[1, 12, 11]),
    sample((1, 1), "----DS---", &[6], &[7, 6, 5]),
    sample((1, 2), "-----D---", &[3], &[4, 3, 2]),
    sample((1, 2), "-----D---", &[3], &[10, 9, 8]),
    sample((2, 0), "------SSS", &[1], &[2, 1, 1]),
    sample((2, 0), "------SSS", &[12], &[2, 1, 12]),
    sample((2, 1), "-------DS", &[6], &[8, 7, 6]),
    sample((2, 2), "--------D", &[3], &[5, 4, 3]),
    sample((2, 2), "--------D", &[3], &[11, 10, 9]),
];

/// Two spatial layers of which the larger always depends on the smaller (AV1 RTP specification §A.10.2, cut to two).
pub(crate) const L2T2: [Sample; 8] = [
    sample((0, 0), "SSSS", &[], &[0, 0]),
    sample((0, 0), "SSRR", &[4], &[4, 3]),
    sample((0, 1), "-D-R", &[2], &[2, 1]),
    sample((0, 1), "-D-R", &[2], &[2, 1]),
    sample((1, 0), "--SS", &[1], &[1, 1]),
    sample((1, 0), "--SS", &[1, 4], &[1, 1]),
    sample((1, 1), "---D", &[1, 2], &[3, 2]),
    sample((1, 1), "---D", &[1, 2], &[3, 2]),
];

/// Bits, most significant first.
#[derive(Default)]
pub(crate) struct BitString(Vec<bool>);

impl BitString {
    pub(crate) fn put(&mut self, value: u32, count: u32) {
        self.0.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
    }

    /// `ns(n)`.
    fn put_below(&mut self, value: u32, limit: u32) {
        let log = limit.ilog2();
        let short = (2 << log) - limit;
        if value < short { self.put(value, log) } else { self.put(value + short, log + 1) }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let byte = |bits: &[bool]| {
            bits.iter().zip((0..8).rev()).fold(0, |byte, (&bit, shift)| byte | u8::from(bit) << shift)
        };
        self.0.chunks(8).map(byte).collect()
    }
}

/// What starts each descriptor.
pub(crate) fn mandatory(flags: (bool, bool), template: u8, number: u16) -> BitString {
    let mut bits = BitString::default();
    bits.put(flags.0.into(), 1);
    bits.put(flags.1.into(), 1);
    bits.put(template.into(), 6);
    bits.put(number.into(), 16);
    bits
}

/// The descriptor of a packet without further fields.
pub(crate) fn plain(flags: (bool, bool), template: u8, number: u16) -> Vec<u8> {
    mandatory(flags, template, number).bytes()
}

/// The descriptor of a key frame's first packet.
pub(crate) fn key(flags: (bool, bool), first: u8, number: u16, templates: &[Sample]) -> Vec<u8> {
    let mut bits = mandatory(flags, first, number);
    bits.put(0b1_0000, 5);
    put_structure(&mut bits, first, templates);
    bits.bytes()
}

pub(crate) fn put_structure(bits: &mut BitString, first: u8, templates: &[Sample]) {
    let targets = u32::try_from(templates[0].indications.len()).unwrap();
    bits.put(first.into(), 6);
    bits.put(targets - 1, 5);
    for (place, template) in templates.iter().enumerate() {
        let next = templates.get(place + 1).map(|next| next.layer);
        let step = match next {
            None => 3,
            Some(next) if next == template.layer => 0,
            Some(next) if next.0 == template.layer.0 => 1,
            Some(_) => 2,
        };
        bits.put(step, 2);
    }
    for template in templates {
        for symbol in template.indications.chars() {
            bits.put("-DSR".find(symbol).map_or(0, |value| u32::try_from(value).unwrap()), 2);
        }
    }
    for template in templates {
        for difference in template.references {
            bits.put(1, 1);
            bits.put(difference - 1, 4);
        }
        bits.put(0, 1);
    }
    let chains = u32::try_from(templates[0].chains.len()).unwrap();
    bits.put_below(chains, targets + 1);
    for target in 0..targets {
        bits.put_below(target * chains / targets, chains + 1);
    }
    for template in templates {
        template.chains.iter().for_each(|&difference| bits.put(difference, 4));
    }
    let layers = u32::from(templates.last().unwrap().layer.0) + 1;
    bits.put(1, 1);
    for layer in 0..layers {
        bits.put((320 << layer) - 1, 16);
        bits.put((180 << layer) - 1, 16);
    }
}

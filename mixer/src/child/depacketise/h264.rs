//! H264 payloads of packetization modes 0 and 1 (RFC 6184 §5): single NAL unit, STAP-A, FU-A.

use super::Broken;

/// NAL unit types (H.264 table 7-1, RFC 6184 table 1).
const IDR: u8 = 5;
const SPS: u8 = 7;
const PPS: u8 = 8;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// What is kept between the packets of one stream.
#[derive(Debug, Default)]
pub(super) struct H264 {
    fragment_open: bool,
    /// NAL units of the access unit in progress.
    has_idr: bool,
    has_sps: bool,
    /// Latest parameter sets, for an IDR picture that comes without them.
    sps: Vec<u8>,
    pps: Vec<u8>,
}

impl H264 {
    /// Appends the NAL units of one payload to the access unit, each behind a start code.
    pub(super) fn append(&mut self, payload: &[u8], unit: &mut Vec<u8>) -> Result<(), Broken> {
        let (&indicator, rest) = payload.split_first().ok_or(Broken)?;
        match indicator & 0x1f {
            1..=23 => self.nal(payload, unit),
            STAP_A => self.aggregate(rest, unit)?,
            FU_A => self.fragment(indicator, rest, unit)?,
            _interleaved_or_reserved => return Err(Broken),
        }
        Ok(())
    }

    /// Ends the access unit; whether it is a keyframe. Parameter sets are put in front of an IDR picture
    /// that has none.
    pub(super) fn finish(&mut self, unit: &mut Vec<u8>) -> bool {
        let (has_idr, has_sps) = (std::mem::take(&mut self.has_idr), std::mem::take(&mut self.has_sps));
        let cut_short = std::mem::take(&mut self.fragment_open);
        if has_idr && !has_sps && !self.sps.is_empty() {
            let mut whole = Vec::with_capacity(unit.len() + self.sps.len() + self.pps.len() + 8);
            for set in [&self.sps, &self.pps] {
                whole.extend_from_slice(&START_CODE);
                whole.extend_from_slice(set);
            }
            whole.append(unit);
            *unit = whole;
        }
        has_idr && !cut_short
    }

    /// Forgets the access unit in progress.
    pub(super) fn break_off(&mut self) {
        self.fragment_open = false;
        self.has_idr = false;
        self.has_sps = false;
    }

    fn nal(&mut self, nal: &[u8], unit: &mut Vec<u8>) {
        unit.extend_from_slice(&START_CODE);
        unit.extend_from_slice(nal);
        match nal.first().map(|header| header & 0x1f) {
            Some(SPS) => {
                self.has_sps = true;
                self.sps = nal.to_vec();
            }
            Some(PPS) => self.pps = nal.to_vec(),
            Some(IDR) => self.has_idr = true,
            Some(_) | None => {}
        }
    }

    /// RFC 6184 §5.7.1.
    fn aggregate(&mut self, mut rest: &[u8], unit: &mut Vec<u8>) -> Result<(), Broken> {
        while let Some((size, after)) = rest.split_first_chunk::<2>() {
            let size = usize::from(u16::from_be_bytes(*size));
            let (nal, after) = after.split_at_checked(size).ok_or(Broken)?;
            self.nal(nal, unit);
            rest = after;
        }
        if rest.is_empty() { Ok(()) } else { Err(Broken) }
    }

    /// RFC 6184 §5.8.
    fn fragment(&mut self, indicator: u8, rest: &[u8], unit: &mut Vec<u8>) -> Result<(), Broken> {
        let (&header, data) = rest.split_first().ok_or(Broken)?;
        let (start, end) = (header & 0x80 != 0, header & 0x40 != 0);
        if start == self.fragment_open {
            return Err(Broken);
        }
        if start {
            unit.extend_from_slice(&START_CODE);
            unit.push(indicator & 0xe0 | header & 0x1f);
            self.has_idr |= header & 0x1f == IDR;
        }
        unit.extend_from_slice(data);
        self.fragment_open = !end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aggregated_units_get_start_codes_and_an_idr_makes_a_keyframe() {
        let (mut h264, mut unit) = (H264::default(), Vec::new());
        h264.append(&[STAP_A, 0, 2, 0x67, 1, 0, 2, 0x68, 2], &mut unit).unwrap();
        h264.append(&[0x65, 3], &mut unit).unwrap();
        assert_eq!(unit, [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 0, 1, 0x65, 3]);
        assert!(h264.finish(&mut unit));
    }

    #[test]
    fn fragments_become_one_unit_with_its_own_header() {
        let (mut h264, mut unit) = (H264::default(), Vec::new());
        h264.append(&[0x7c, 0x85, 1], &mut unit).unwrap();
        h264.append(&[0x7c, 0x05, 2], &mut unit).unwrap();
        h264.append(&[0x7c, 0x45, 3], &mut unit).unwrap();
        assert_eq!(unit, [0, 0, 0, 1, 0x65, 1, 2, 3]);
        assert!(h264.finish(&mut unit));
    }

    #[test]
    fn a_fragment_without_its_start_is_broken() {
        assert_eq!(H264::default().append(&[0x7c, 0x05, 2], &mut Vec::new()), Err(Broken));
    }

    #[test]
    fn parameter_sets_sent_once_are_put_in_front_of_a_later_idr() {
        let (mut h264, mut unit) = (H264::default(), Vec::new());
        h264.append(&[0x67, 1], &mut unit).unwrap();
        h264.append(&[0x68, 2], &mut unit).unwrap();
        assert!(!h264.finish(&mut unit));
        let mut unit = Vec::new();
        h264.append(&[0x65, 3], &mut unit).unwrap();
        assert!(h264.finish(&mut unit));
        assert_eq!(unit, [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 0, 1, 0x65, 3]);
    }

    #[test]
    fn an_aggregate_whose_sizes_do_not_add_up_is_broken() {
        assert_eq!(H264::default().append(&[STAP_A, 0, 9, 1], &mut Vec::new()), Err(Broken));
        assert_eq!(H264::default().append(&[STAP_A, 0], &mut Vec::new()), Err(Broken));
    }
}

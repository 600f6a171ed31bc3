//! Pseudo-random numbers that are the same on every machine.

/// xorshift64* (Vigna 2016): short, and good enough to draw packets' fates.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// Equal seeds give equal numbers; neighbouring seeds give unlike ones.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        // SplitMix64's finaliser spreads small seeds over all bits; the state must not be 0.
        let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self((z ^ (z >> 31)) | 1)
    }

    /// 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// From 0 to `limit` − 1; 0 when `limit` is 0.
    pub const fn below(&mut self, limit: u64) -> u64 {
        if limit == 0 { 0 } else { (self.bits() >> 11) % limit }
    }

    /// From 0 up to 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
    pub const fn share(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with this probability.
    pub const fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.share() < probability
    }

    /// Normally distributed with mean 0 and deviation 1 (Irwin–Hall: twelve uniform numbers less six).
    pub const fn normal(&mut self) -> f64 {
        let mut sum = -6.0;
        let mut left = 12;
        while left > 0 {
            sum += self.share();
            left -= 1;
        }
        sum
    }
}

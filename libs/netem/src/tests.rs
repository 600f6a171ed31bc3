use std::time::Duration;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Sends `count` numbered datagrams of 1,000 bytes, `gap` apart, and returns what arrives with its time.
fn run(config: LinkConfig, seed: u64, count: u32, gap: Duration) -> (Vec<(Duration, u32)>, LinkStats) {
    let mut link: Link<Vec<u8>> = Link::new(config, seed);
    let mut got = Vec::new();
    let take = |link: &mut Link<Vec<u8>>, until: Duration, got: &mut Vec<_>| {
        while let Some(at) = link.poll_timeout().filter(|at| *at <= until) {
            while let Some(packet) = link.poll(at) {
                got.push((at, u32::from_be_bytes(*packet.first_chunk().unwrap())));
            }
        }
    };
    for number in 0..count {
        let now = gap * number;
        take(&mut link, now, &mut got);
        let mut packet = vec![0; 1_000];
        packet[..4].copy_from_slice(&number.to_be_bytes());
        link.send(now, packet);
    }
    take(&mut link, gap * count + 60 * SECOND, &mut got);
    assert_eq!(link.poll_timeout(), None, "nothing stays in the link");
    (got, link.stats())
}

fn share(part: u64, of: u64) -> f64 {
    part as f64 / of as f64
}

#[test]
fn a_perfect_link_delivers_everything_after_its_delay() {
    let config = LinkConfig { delay: ms(50), ..LinkConfig::default() };
    let (got, stats) = run(config, 1, 100, ms(1));
    assert_eq!(got.len(), 100);
    assert!(got.iter().all(|&(at, number)| at == ms(50) + ms(1) * number));
    assert_eq!((stats.sent, stats.arrived, stats.lost), (100, 100, 0));
}

#[test]
fn uniform_loss_has_its_rate() {
    for (seed, rate) in [(1, 0.01), (2, 0.05), (3, 0.2), (4, 0.5)] {
        let config = LinkConfig { loss: Loss::Uniform(rate), ..LinkConfig::default() };
        let (got, stats) = run(config, seed, 50_000, ms(1));
        let measured = share(stats.lost, stats.sent);
        assert!((measured - rate).abs() < 0.1 * rate, "{rate}: {measured}");
        assert_eq!(got.len() as u64, stats.sent - stats.lost);
    }
}

#[test]
fn bursts_have_their_rate_and_their_mean_length() {
    let config = LinkConfig { loss: Loss::Bursts { share: 0.03, mean: 5.0 }, ..LinkConfig::default() };
    let (got, stats) = run(config, 5, 200_000, ms(1));
    let measured = share(stats.lost, stats.sent);
    assert!((measured - 0.03).abs() < 0.003, "{measured}");
    let bursts = got.windows(2).filter(|pair| pair[1].1 - pair[0].1 > 1).count();
    let mean = share(stats.lost, bursts as u64);
    assert!((mean - 5.0).abs() < 0.5, "{mean}");
}

#[test]
fn jitter_in_order_keeps_the_order_and_the_mean() {
    let config = LinkConfig { delay: ms(100), jitter: Jitter::InOrder(ms(5)), ..LinkConfig::default() };
    let (got, _) = run(config, 6, 10_000, ms(20));
    assert!(got.windows(2).all(|pair| pair[0].1 < pair[1].1), "nothing overtakes");
    let delays: Vec<f64> = got.iter().map(|&(at, n)| (at - ms(20) * n).as_secs_f64() * 1e3).collect();
    let mean = delays.iter().sum::<f64>() / delays.len() as f64;
    let variance = delays.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / delays.len() as f64;
    assert!((mean - 100.0).abs() < 1.0, "{mean}");
    assert!((variance.sqrt() - 5.0).abs() < 0.5, "{}", variance.sqrt());
}

#[test]
fn jitter_of_each_datagram_for_itself_reorders() {
    let config = LinkConfig { delay: ms(100), jitter: Jitter::Reordering(ms(30)), ..LinkConfig::default() };
    let (got, _) = run(config, 7, 1_000, ms(5));
    assert!(got.windows(2).any(|pair| pair[0].1 > pair[1].1));
    assert_eq!(got.len(), 1_000);
}

#[test]
fn a_share_is_held_back_and_a_share_comes_twice() {
    let reorder = Some(Reorder { share: 0.02, by: ms(30) });
    let config = LinkConfig { delay: ms(10), reorder, duplicate: 0.01, ..LinkConfig::default() };
    let (got, stats) = run(config, 8, 50_000, ms(5));
    let late = got.iter().filter(|&&(at, n)| at == ms(40) + ms(5) * n).count() as u64;
    assert!((share(late, stats.sent) - 0.02).abs() < 0.003, "{late}");
    assert!((share(stats.duplicated, stats.sent) - 0.01).abs() < 0.002, "{}", stats.duplicated);
    assert_eq!(stats.arrived, stats.sent + stats.duplicated);
}

#[test]
fn a_damaged_datagram_differs_in_one_bit() {
    let mut link: Link<Vec<u8>> = Link::new(LinkConfig { flip: 0.1, ..LinkConfig::default() }, 9);
    let mut damaged = 0;
    for at in 0..10_000 {
        link.send(ms(at), vec![0; 100]);
        let got = link.poll(ms(at)).unwrap();
        let ones: u32 = got.iter().map(|byte| byte.count_ones()).sum();
        assert!(ones <= 1);
        damaged += u64::from(ones);
    }
    assert_eq!(damaged, link.stats().flipped);
    assert!((share(damaged, 10_000) - 0.1).abs() < 0.01, "{damaged}");
}

#[test]
fn a_bottleneck_sends_at_its_rate_and_its_queue_is_bounded() {
    // 1,028 bytes each 5 ms are 1.64 Mb/s.
    let queue = QueueLimit::Time(ms(300));
    let bottleneck = Some(Bottleneck::new(1_000_000, queue));
    let config = LinkConfig { delay: ms(50), bottleneck, ..LinkConfig::default() };
    let (got, stats) = run(config, 10, 4_000, ms(5));
    let longest = got.iter().map(|&(at, n)| at - ms(5) * n).max().unwrap();
    assert!(longest > ms(340) && longest <= ms(370), "{longest:?}");
    assert!(stats.overflowed > 1_000, "{stats:?}");
    let last = got.last().unwrap().0;
    let rate = share(stats.arrived * 1_028 * 8, 1) / (last - ms(50)).as_secs_f64();
    assert!((rate - 1e6).abs() < 1e4, "{rate}");
}

#[test]
fn a_queue_of_packets_holds_that_many() {
    let bottleneck = Some(Bottleneck::new(100_000, QueueLimit::Packets(10)));
    let config = LinkConfig { bottleneck, ..LinkConfig::default() };
    let (got, stats) = run(config, 11, 100, Duration::ZERO);
    // One is being sent, ten wait.
    assert_eq!(got.len(), 11, "{stats:?}");
}

#[test]
fn an_idle_link_may_send_a_burst_at_once() {
    let queue = QueueLimit::Packets(1_000);
    let bottleneck = Some(Bottleneck { rate_bps: 1_000_000, burst_bytes: 5 * 1_028, queue });
    let mut link: Link<Vec<u8>> = Link::new(LinkConfig { bottleneck, ..LinkConfig::default() }, 12);
    for _ in 0..10 {
        link.send(SECOND, vec![0; 1_000]);
    }
    let at_once = std::iter::from_fn(|| link.poll(SECOND)).count();
    assert_eq!(at_once, 5);
    assert_eq!(std::iter::from_fn(|| link.poll(2 * SECOND)).count(), 5);
}

#[test]
fn a_trace_changes_the_rate_while_the_queue_drains() {
    let at = |rate_bps| LinkConfig {
        bottleneck: Some(Bottleneck::new(rate_bps, QueueLimit::Time(SECOND))),
        ..LinkConfig::default()
    };
    let mut link: Link<Vec<u8>> = Link::new(at(822_400), 13);
    link.follow([(ms(50), at(82_240)), (ms(250), at(822_400))]);
    for _ in 0..20 {
        link.send(Duration::ZERO, vec![0; 1_000]);
    }
    // 10 ms each, then 100 ms each, then 10 ms each.
    let arrived = |link: &mut Link<Vec<u8>>, by| std::iter::from_fn(|| link.poll(by)).count();
    assert_eq!(arrived(&mut link, ms(50)), 5);
    assert_eq!(arrived(&mut link, ms(250)), 2);
    assert_eq!(arrived(&mut link, ms(400)), 13);
}

#[test]
fn a_blackout_swallows_everything_and_ends() {
    let mut link: Link<Vec<u8>> = Link::new(LinkConfig::default(), 14);
    link.follow([
        (ms(10), LinkConfig { is_down: true, ..LinkConfig::default() }),
        (ms(20), LinkConfig::default()),
    ]);
    for at in 0..30 {
        link.send(ms(at), vec![0; 10]);
    }
    assert_eq!(std::iter::from_fn(|| link.poll(SECOND)).count(), 20);
    assert_eq!(link.stats().lost, 10);
}

#[test]
fn equal_seeds_give_equal_runs_and_others_do_not() {
    let config = LinkConfig {
        delay: ms(40),
        jitter: Jitter::Reordering(ms(10)),
        loss: Loss::Uniform(0.1),
        duplicate: 0.05,
        ..LinkConfig::default()
    };
    assert_eq!(run(config, 15, 1_000, ms(2)), run(config, 15, 1_000, ms(2)));
    assert_ne!(run(config, 15, 1_000, ms(2)).0, run(config, 16, 1_000, ms(2)).0);
}

//! Calls of a participant's methods, from asking to their end.

use super::*;

/// A field of a protobuf message: length-delimited.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let key = u32::from(number) << 3 | 2;
    let mut out = if key < 128 {
        vec![u8::try_from(key).unwrap()]
    } else {
        vec![u8::try_from(key & 0x7f).unwrap() | 0x80, u8::try_from(key >> 7).unwrap()]
    };
    out.push(u8::try_from(bytes.len()).unwrap());
    out.extend_from_slice(bytes);
    out
}

struct Calling {
    scene: Scene,
    callee: ParticipantKey,
    other: ParticipantKey,
    name: String,
}

const CALL: calls::CallId = calls::CallId(7);

/// One participant is called; another is in the room, too.
fn calling() -> Calling {
    let mut scene = Scene::new();
    let (callee, other) = (scene.join("alice"), scene.join("bob"));
    scene.effects();
    let call = calls::Call { method: "greet".to_owned(), payload: "hi".to_owned(), timeout: None };
    scene.room.call(CALL, "alice", &call, &mut scene.entropy, scene.now).unwrap();
    let [Effect::Deliver(routed)] = &scene.effects()[..] else { panic!("one message") };
    assert_eq!((&routed.to[..], routed.lossy), (&[callee][..], false));
    let text = String::from_utf8_lossy(&routed.bytes).into_owned();
    assert!(text.contains("greet") && text.contains("hi"));
    // The sender's identity is the call's own name: 32 letters behind a two-byte head.
    let name = String::from_utf8(routed.bytes[2..34].to_vec()).unwrap();
    Calling { scene, callee, other, name }
}

fn ended(effects: &[Effect]) -> Vec<&Result<String, calls::CallFailure>> {
    let mut results = Vec::new();
    for effect in effects {
        if let Effect::CallEnded { id: CALL, result } = effect {
            results.push(result);
        }
    }
    results
}

#[test]
fn a_call_is_answered_by_its_participant_and_nobody_else_hears_of_it() {
    let Calling { mut scene, callee, other, name } = calling();
    let payload = [field(1, name.as_bytes()), field(2, b"hello")].concat();
    let answer = field(12, &payload);
    // Another one cannot answer for it: its message is an ordinary one.
    scene.room.handle_message(other, false, &answer, scene.now).unwrap();
    assert!(matches!(scene.effects()[..], [Effect::Deliver(_)]));
    scene.room.handle_message(callee, false, &field(11, &field(1, name.as_bytes())), scene.now).unwrap();
    assert!(scene.effects().is_empty());
    scene.room.handle_message(callee, false, &answer, scene.now).unwrap();
    let effects = scene.effects();
    assert_eq!((effects.len(), ended(&effects)), (1, vec![&Ok("hello".to_owned())]));
}

#[test]
fn a_method_that_fails_says_how() {
    let Calling { mut scene, callee, name, .. } = calling();
    let error = [vec![1 << 3, 0xdc, 0x0b], field(2, b"no"), field(3, b"why")].concat();
    let payload = [field(1, name.as_bytes()), field(3, &error)].concat();
    scene.room.handle_message(callee, false, &field(12, &payload), scene.now).unwrap();
    let failure =
        calls::CallFailure::Refused { code: 1500, message: "no".to_owned(), data: "why".to_owned() };
    assert_eq!(ended(&scene.effects()), [&Err(failure)]);
}

#[test]
fn a_call_ends_in_time_whatever_its_participant_does() {
    let after = |scene: &Scene, seconds| Now {
        instant: scene.now.instant + Duration::from_secs(seconds),
        ..scene.now
    };
    let Calling { mut scene, .. } = calling();
    scene.room.handle_timeout(after(&scene, 6));
    assert!(ended(&scene.effects()).is_empty());
    scene.room.handle_timeout(after(&scene, 7));
    assert_eq!(ended(&scene.effects()), [&Err(calls::CallFailure::NotReached)]);

    let Calling { mut scene, callee, name, .. } = calling();
    scene.room.handle_message(callee, false, &field(11, &field(1, name.as_bytes())), scene.now).unwrap();
    scene.room.handle_timeout(after(&scene, 14));
    assert!(ended(&scene.effects()).is_empty());
    scene.room.handle_timeout(after(&scene, 15));
    assert_eq!(ended(&scene.effects()), [&Err(calls::CallFailure::NotAnswered)]);

    let Calling { mut scene, callee, .. } = calling();
    scene.room.leave(callee, LeaveReason::ClientInitiated, scene.now);
    assert_eq!(ended(&scene.effects()), [&Err(calls::CallFailure::Left)]);
}

#[test]
fn a_call_that_cannot_be_made_is_refused_at_once() {
    let mut scene = Scene::new();
    scene.join("alice");
    let call = |method: usize, payload: usize| calls::Call {
        method: "m".repeat(method),
        payload: "p".repeat(payload),
        timeout: None,
    };
    for (identity, method, payload, wanted) in [
        ("alice", 64, 15_360, Ok(())),
        ("alice", 65, 1, Err(AdminError::Call(calls::CallFailure::TooLarge))),
        ("alice", 1, 15_361, Err(AdminError::Call(calls::CallFailure::TooLarge))),
        ("nobody", 1, 1, Err(AdminError::NotFound)),
    ] {
        let made = scene.room.call(CALL, identity, &call(method, payload), &mut scene.entropy, scene.now);
        assert_eq!(made, wanted, "{identity} {method} {payload}");
    }
}

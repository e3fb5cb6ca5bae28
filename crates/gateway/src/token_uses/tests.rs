use super::*;

const NOW: i64 = 1_800_000_000;
const DAY: i64 = 86_400;

/// Limits of a core file.
fn limits(text: &str) -> TokenLimits {
    let core = format!("encryption_key: {}\nsalt: {}\n{text}", "k".repeat(64), "s".repeat(32));
    site_config::Core::from_yaml(&core).unwrap().token_limits
}

fn noted(number: u64) -> Arc<NotedToken> {
    let label = Some(format!("fw{number}")).filter(|_| number != 0);
    let id = TokenId::from_bytes(number.to_be_bytes());
    Arc::new(NotedToken::new(id, label, "misp.example.net".to_owned()))
}

/// A token with the place in its grant.
struct Token(Arc<NotedToken>, UsesOfGrant);

impl Token {
    fn number(number: u64) -> Self {
        Self(noted(number), UsesOfGrant::default())
    }

    fn begin(&self, uses: &TokenUses, limits: &TokenLimits, at: Instant) -> Result<UnderWay, Reject> {
        let ends = ExpiryDay::days_from(NOW, 1);
        uses.begin(&self.1, (&self.0, ends), limits, RequestTime { at, second: NOW })
    }

    fn ends(&self, uses: &TokenUses, days_left: u32, second: i64) {
        let limits = limits("token_limits: { burst: 1000, per_second: 1000 }\n");
        let ends = ExpiryDay::days_from(NOW, days_left);
        let now = RequestTime {
            at: Instant::now(),
            second,
        };
        drop(uses.begin(&self.1, (&self.0, ends), &limits, now));
    }
}

fn labels(uses: &TokenUses, now: i64) -> Vec<String> {
    uses.soon(now).into_iter().map(|token| token.label).collect()
}

#[test]
fn a_burst_passes_then_so_many_a_second_and_other_tokens_have_their_own() {
    let (uses, start) = (TokenUses::default(), Instant::now());
    let limits = limits("token_limits: { burst: 3, per_second: 2 }\n");
    let tokens = [Token::number(1), Token::number(2)];
    let at = |milliseconds, token: usize| {
        let outcome = tokens[token].begin(&uses, &limits, start + Duration::from_millis(milliseconds));
        outcome.map(drop).map_err(|reject| reject.retry_after().unwrap())
    };
    assert_eq!([at(0, 0), at(0, 0), at(0, 0)], [Ok(()); 3]);
    assert_eq!(at(100, 0), Err(Duration::from_millis(400)));
    assert_eq!(at(100, 1), Ok(()));
    assert_eq!(
        [at(500, 0), at(999, 0), at(1_000, 0)],
        [Ok(()), Err(Duration::from_millis(1)), Ok(())]
    );
    assert_eq!(uses.turned_away(), (2, 0));
}

/// After a reload each token has a new grant, and several spellings of a token have one each.
#[test]
fn another_grant_of_a_token_gets_no_requests_of_its_own() {
    let (uses, now) = (TokenUses::default(), Instant::now());
    let limits = limits("token_limits: { burst: 1, per_second: 1 }\n");
    assert!(Token::number(1).begin(&uses, &limits, now).is_ok());
    assert!(Token::number(1).begin(&uses, &limits, now).is_err());
}

#[test]
fn so_many_are_under_way_at_once() {
    let (uses, now) = (TokenUses::default(), Instant::now());
    let limits = limits("token_limits: { at_once: 2 }\n");
    let (one, other) = (Token::number(1), Token::number(2));
    let (first, _second) = (
        one.begin(&uses, &limits, now).unwrap(),
        one.begin(&uses, &limits, now).unwrap(),
    );
    let _other = other.begin(&uses, &limits, now).unwrap();
    assert!(matches!(
        one.begin(&uses, &limits, now),
        Err(Reject::TooManyAtOnce { .. })
    ));
    drop(first);
    assert!(one.begin(&uses, &limits, now).is_ok());
    assert_eq!(uses.turned_away(), (0, 1));
}

#[test]
fn a_request_that_is_refused_for_the_rate_is_not_under_way() {
    let (uses, now, token) = (TokenUses::default(), Instant::now(), Token::number(1));
    let limits = limits("token_limits: { burst: 1, per_second: 1, at_once: 1 }\n");
    assert!(token.begin(&uses, &limits, now).is_ok());
    for _ in 0..2 {
        let refused = token.begin(&uses, &limits, now);
        assert!(matches!(refused, Err(Reject::TooManyRequests { .. })));
    }
}

#[test]
fn used_tokens_that_end_soon_are_shown_until_nobody_uses_them() {
    let uses = TokenUses::default();
    let tokens = [0, 1, 2, 3].map(Token::number);
    for (number, days_left) in [(1, 90), (2, 50), (3, 2), (0, 60)] {
        tokens[number].ends(&uses, days_left, NOW);
    }
    assert_eq!(labels(&uses, NOW), ["fw3", "fw2", ""]);
    assert_eq!(uses.soon(NOW)[0].ends, ExpiryDay::days_from(NOW, 2));
    assert_eq!(labels(&uses, NOW + 6 * DAY)[0], "fw3", "it has ended four days ago");
    tokens[2].ends(&uses, 50, NOW + 6 * DAY);
    assert_eq!(labels(&uses, NOW + 8 * DAY), ["fw2"]);
}

#[test]
fn memory_and_lines_are_bounded_and_a_token_in_use_is_not_forgotten() {
    let (uses, often) = (TokenUses::default(), Token::number(0));
    let limits = limits("token_limits: { burst: 1, per_second: 1 }\n");
    let start = Instant::now();
    drop(often.begin(&uses, &limits, start));
    for number in 1..=u64::try_from(2 * MAX_TOKENS).unwrap() {
        Token::number(number).ends(&uses, 1, NOW);
        if number % 1_000 == 0 {
            often.ends(&uses, 1, NOW + i64::try_from(number).unwrap());
            assert!(often.begin(&uses, &limits, start).is_err(), "{number}");
        }
    }
    assert_eq!(uses.lock().len(), MAX_TOKENS);
    assert_eq!(uses.soon(NOW).len(), MAX_SHOWN);
}

#[test]
fn a_grant_whose_token_was_forgotten_finds_it_again() {
    let (uses, token) = (TokenUses::default(), Token::number(0));
    token.ends(&uses, 1, NOW);
    for number in 1..=u64::try_from(MAX_TOKENS).unwrap() {
        Token::number(number).ends(&uses, 1, NOW);
    }
    let has = |uses: &TokenUses| uses.lock().contains(&token.0.id);
    assert!(!has(&uses));
    token.ends(&uses, 1, NOW);
    assert!(has(&uses));
}

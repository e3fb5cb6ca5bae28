//! The cache that several daemons share, so that only one of them asks MISP.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cache::{
    CacheKeys, ItemKey, Memcached, MemcachedServer, SharedCache, SharedStore, StoreError, Valkey, ValkeyServer,
};
use site_config::{CacheKind, CacheServer, Core};
use token_crypto::cache_key;

/// The longest wait of `cratosd check --online`. Requests wait much shorter.
const PATIENCE: Duration = Duration::from_secs(5);

/// Returns the shared cache of this configuration, sealed with keys derived from the encryption keys; `None` if it
/// names no cache.
///
/// It does not connect yet.
///
/// # Errors
/// When the server cannot be used whatever it answers, for example because its certificate authorities cannot be read.
pub fn open(core: &Core) -> Result<Option<SharedCache>, StoreError> {
    let Some(server) = &core.cache else { return Ok(None) };
    let keys = core.encryption_keys.iter().map(|key| cache_key(key, &core.salt));
    let keys: Vec<_> = keys.collect();
    let Some(keys) = CacheKeys::new(keys.iter().map(|key| &**key)) else {
        return Ok(None);
    };
    Ok(Some(SharedCache::new(store(server)?, keys)))
}

/// Stores a small value in the server and reads it again. Returns the kind and the address of the server.
///
/// # Errors
/// When the server refuses, or does not answer within 5 s.
pub async fn probe(server: &CacheServer) -> Result<String, StoreError> {
    let store = store(server)?;
    let asking = async {
        let Some(key) = ItemKey::new("cratos:check") else {
            return Ok(());
        };
        let item = [(key.clone(), Bytes::from_static(b"check"))];
        store.put(&item, Duration::from_secs(1)).await?;
        store.get(&[key]).await.map(drop)
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .unwrap_or(Err(StoreError::Slow))?;
    Ok(store.place().to_owned())
}

/// Returns whether both configurations name the same cache and the same user there.
pub(crate) fn is_same(a: &Core, b: &Core) -> bool {
    match (&a.cache, &b.cache) {
        (Some(a), Some(b)) => a.is_same(b),
        (a, b) => a.is_none() && b.is_none(),
    }
}

fn store(server: &CacheServer) -> Result<Arc<dyn SharedStore>, StoreError> {
    match server.kind {
        CacheKind::Memcached => Ok(Arc::new(Memcached::new(MemcachedServer {
            host: server.host.clone(),
            port: server.port,
            login: server.user.clone().zip(server.password.clone()),
        }))),
        CacheKind::Valkey => {
            let mut valkey = ValkeyServer::new(&*server.host, server.port);
            valkey.tls = server.tls;
            valkey.ca_file.clone_from(&server.ca_file);
            valkey.user.clone_from(&server.user);
            valkey.password.clone_from(&server.password);
            valkey.database = server.database;
            Ok(Arc::new(Valkey::new(valkey)?))
        }
        kind => Err(StoreError::Unusable(format!(
            "this program knows no cache of the kind {kind:?}"
        ))),
    }
}

-- Publishers whose signatures count, and the signatures of releases.

-- Keys that the administrator trusts. One that was taken away stays, with who did it.
create table publishers (
    -- As the publisher's plugins describe themselves.
    name text not null,
    -- The start of the SHA-256 of the key.
    key_id text not null,
    key_pem text not null,
    by_whom text not null,
    added_ms bigint not null,
    removed_ms bigint,
    removed_by text,
    primary key (name, key_id)
);

-- All that is needed to judge a signature again: the text that was signed and the manifest that it is about, or neither
-- where the component itself was signed.
create table release_signatures (
    digest text not null,
    signature text not null,
    payload text,
    manifest text,
    by_whom text not null,
    added_ms bigint not null,
    primary key (digest, signature)
);

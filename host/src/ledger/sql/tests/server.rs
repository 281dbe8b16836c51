//! What only a server can do: be away, be another one than is needed, lose its answer to a commit, and have many hosts.

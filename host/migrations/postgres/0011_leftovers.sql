-- An attempt that wrote files is found by its token, which is in the names of what it left. A request over HTTP leaves none,
-- and has no place here: it costs such orders nothing.
create index attempts_leftovers on attempts (token) where recovery is not null;

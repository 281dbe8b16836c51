;; Answers what Go's runtime asks of WASI (preview 1), so that the component imports nothing but the contract: a clock that
;; counts up from a fixed moment, random bytes that are always the same, printing that goes nowhere, no arguments, no
;; environment, no files.
(module
  (import "env" "memory" (memory 0))
  ;; Nanoseconds; a day in 2026. Each look moves it on by a microsecond.
  (global $now (mut i64) (i64.const 1767225600000000000))
  (global $seed (mut i64) (i64.const 0x2545F4914F6CDD1D))

  (func (export "clock_time_get") (param $clock i32) (param $precision i64) (param $to i32) (result i32)
    (global.set $now (i64.add (global.get $now) (i64.const 1000)))
    (i64.store (local.get $to) (global.get $now))
    (i32.const 0))

  (func (export "random_get") (param $to i32) (param $length i32) (result i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $to) (local.get $length)))
    (block $done
      (loop $more
        (br_if $done (i32.ge_u (local.get $to) (local.get $end)))
        ;; xorshift
        (global.set $seed (i64.xor (global.get $seed) (i64.shl (global.get $seed) (i64.const 13))))
        (global.set $seed (i64.xor (global.get $seed) (i64.shr_u (global.get $seed) (i64.const 7))))
        (global.set $seed (i64.xor (global.get $seed) (i64.shl (global.get $seed) (i64.const 17))))
        (i64.store8 (local.get $to) (global.get $seed))
        (local.set $to (i32.add (local.get $to) (i32.const 1)))
        (br $more)))
    (i32.const 0))

  ;; Everything counts as written.
  (func (export "fd_write") (param $fd i32) (param $pieces i32) (param $count i32) (param $to i32) (result i32)
    (local $sum i32)
    (block $done
      (loop $more
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $sum (i32.add (local.get $sum) (i32.load offset=4 (local.get $pieces))))
        (local.set $pieces (i32.add (local.get $pieces) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $more)))
    (i32.store (local.get $to) (local.get $sum))
    (i32.const 0))

  ;; The first subscription has come about; if it is a timer, its time has passed.
  (func (export "poll_oneoff") (param $in i32) (param $out i32) (param $count i32) (param $to i32) (result i32)
    (if (i32.eqz (i32.load8_u offset=8 (local.get $in)))
      (then (global.set $now (i64.add (global.get $now) (i64.load offset=24 (local.get $in))))))
    (i64.store (local.get $out) (i64.load (local.get $in)))
    (i64.store offset=8 (local.get $out) (i64.const 0))
    (i32.store8 offset=10 (local.get $out) (i32.load8_u offset=8 (local.get $in)))
    (i64.store offset=16 (local.get $out) (i64.const 0))
    (i64.store offset=24 (local.get $out) (i64.const 0))
    (i32.store (local.get $to) (i32.const 1))
    (i32.const 0))

  (func $nothing (param $count i32) (param $size i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $size) (i32.const 0))
    (i32.const 0))
  (export "args_sizes_get" (func $nothing))
  (export "environ_sizes_get" (func $nothing))
  (func $empty (param i32 i32) (result i32) (i32.const 0))
  (export "args_get" (func $empty))
  (export "environ_get" (func $empty))

  (func (export "sched_yield") (result i32) (i32.const 0))
  (func (export "proc_exit") (param i32) unreachable)

  ;; There are no files: 8 is "bad descriptor".
  (func $no2 (param i32 i32) (result i32) (i32.const 8))
  (func $no3 (param i32 i32 i32) (result i32) (i32.const 8))
  (export "fd_fdstat_get" (func $no2))
  (export "fd_fdstat_set_flags" (func $no2))
  (export "fd_prestat_get" (func $no2))
  (export "fd_filestat_get" (func $no2))
  (export "fd_prestat_dir_name" (func $no3))
  (func (export "fd_close") (param i32) (result i32) (i32.const 8))
  (func (export "fd_read") (param i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_seek") (param i32 i64 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_pread") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_pwrite") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_readdir") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (i32.const 8))
  (func (export "path_filestat_get") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8)))

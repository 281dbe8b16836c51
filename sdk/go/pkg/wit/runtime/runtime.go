//go:build wasip1

// Package runtime gives the generated bindings memory. It stands in for the package of this name, which a module proxy would
// have to serve.
package runtime

import (
	goruntime "runtime"
	"unsafe"
)

// Allocate gives a block of Go's memory that stays where it is until the pinner lets go.
func Allocate(pinner *goruntime.Pinner, size, align uintptr) unsafe.Pointer {
	if size == 0 {
		return nil
	}
	block := unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8)))
	pinner.Pin(block)
	return block
}

// Unpin is called when the arguments have been read. They stay where they are: every order gets a fresh instance.
func Unpin() {}

//go:linkname sbrk runtime.sbrk
func sbrk(size uintptr) unsafe.Pointer

// What is left of the memory that was taken last.
var free, end uintptr

const page = 65536

// cabi_realloc gives the host memory for arguments. It must never enter Go's allocator: a garbage collection could start there,
// and with it a call that is not allowed at that moment. `sbrk` rounds up to whole pages, so small pieces are cut from one.
//
//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, align, size uint32) unsafe.Pointer {
	start := (free + uintptr(align) - 1) &^ (uintptr(align) - 1)
	if start+uintptr(size) > end {
		ample := max(uintptr(size)+uintptr(align), 4*page)
		ample = (ample + page - 1) &^ (page - 1)
		start = uintptr(sbrk(ample))
		if start == 0 {
			panic("out of memory")
		}
		end = start + ample
	}
	free = start + uintptr(size)
	made := unsafe.Pointer(start)
	if oldSize > 0 {
		copy(unsafe.Slice((*byte)(made), size), unsafe.Slice((*byte)(old), oldSize))
	}
	return made
}

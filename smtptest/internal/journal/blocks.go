package journal

import "iter"

// Blocks is a list that grows in blocks: what stands in it never moves, so a
// long one copies nothing.
type Blocks[T any] struct {
	full [][]T
	open []T // the newest; the owner may give the first one
}

const maxBlock = 1024 // entries

// Add appends a zero entry and returns it.
func (b *Blocks[T]) Add() *T {
	if size := cap(b.open); len(b.open) == size {
		if size > 0 {
			b.full = append(b.full, b.open)
		}
		b.open = make([]T, 0, max(1, min(2*size, maxBlock)))
	}
	var zero T
	b.open = append(b.open, zero)
	return b.Last()
}

// Last returns the newest entry; there must be one.
func (b *Blocks[T]) Last() *T { return &b.open[len(b.open)-1] }

// Len returns the number of entries.
func (b *Blocks[T]) Len() int {
	n := len(b.open)
	for _, block := range b.full {
		n += len(block)
	}
	return n
}

// All yields every entry with its index, the oldest first.
func (b *Blocks[T]) All() iter.Seq2[int, *T] {
	return func(yield func(int, *T) bool) {
		n := 0
		for _, block := range b.full {
			for i := range block {
				if !yield(n, &block[i]) {
					return
				}
				n++
			}
		}
		for i := range b.open {
			if !yield(n, &b.open[i]) {
				return
			}
			n++
		}
	}
}

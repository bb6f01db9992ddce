//go:build !linux

// Package reserve keeps the port of a stopped server from other programs.
package reserve

import (
	"errors"
	"net"
)

// A Reservation holds nothing on systems that cannot keep a port without
// listening on it.
type Reservation struct{}

// Hold returns the zero Reservation.
func Hold(net.Listener) Reservation { return Reservation{} }

// Listen returns [errors.ErrUnsupported].
func (r *Reservation) Listen() (net.Listener, error) { return nil, errors.ErrUnsupported }

// Release does nothing.
func (r *Reservation) Release() {}

//go:build !linux

package smtptest

import (
	"errors"
	"net"
)

// reservation holds nothing where the system has no way to keep a port from
// others without listening on it.
type reservation struct{}

func reserve(net.Listener) reservation { return reservation{} }

func (r *reservation) listen() (net.Listener, error) { return nil, errors.ErrUnsupported }

func (r *reservation) release() {}

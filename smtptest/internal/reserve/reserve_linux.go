// Package reserve keeps the port of a stopped server from other programs.
package reserve

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// A Reservation is a socket that is bound to the address of a stopped server and
// does not listen: the system refuses connections, and no other program gets the
// port. The zero Reservation holds nothing.
type Reservation struct{ file *os.File }

const soReuseport = 0xf // syscall has no name for it on every architecture

// Hold binds a second socket to the address of ln, which must still be open, so
// that the port is never free. It returns the zero Reservation if it cannot.
func Hold(ln net.Listener) Reservation {
	tcp, ok := ln.(*net.TCPListener)
	if !ok {
		return Reservation{}
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return Reservation{}
	}
	if raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, soReuseport, 1)
	}) != nil || err != nil {
		return Reservation{}
	}
	return bindTo(tcp.Addr().(*net.TCPAddr))
}

func bindTo(addr *net.TCPAddr) Reservation {
	family, sockaddr := syscall.AF_INET6, syscall.Sockaddr(&syscall.SockaddrInet6{Port: addr.Port, Addr: [16]byte(addr.IP.To16())})
	if ip4 := addr.IP.To4(); ip4 != nil {
		family, sockaddr = syscall.AF_INET, &syscall.SockaddrInet4{Port: addr.Port, Addr: [4]byte(ip4)}
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return Reservation{}
	}
	syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, soReuseport, 1)
	if err := syscall.Bind(fd, sockaddr); err != nil {
		syscall.Close(fd)
		return Reservation{}
	}
	// Without SO_REUSEADDR no other socket may be bound beside this one.
	syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 0)
	return Reservation{os.NewFile(uintptr(fd), "reserved port")}
}

// Listen turns the reserved socket into a listener. The zero Reservation returns
// [errors.ErrUnsupported].
func (r *Reservation) Listen() (net.Listener, error) {
	if r.file == nil {
		return nil, errors.ErrUnsupported
	}
	defer r.Release()
	var err error
	raw, cerr := r.file.SyscallConn()
	if cerr != nil {
		return nil, cerr
	}
	raw.Control(func(fd uintptr) {
		// As package net does, so that connections that have ended do not keep the port.
		syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
		err = syscall.Listen(int(fd), syscall.SOMAXCONN)
	})
	if err != nil {
		return nil, os.NewSyscallError("listen", err)
	}
	return net.FileListener(r.file)
}

// Release gives the port back.
func (r *Reservation) Release() {
	if r.file != nil {
		r.file.Close()
		r.file = nil
	}
}

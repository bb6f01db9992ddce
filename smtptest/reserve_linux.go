package smtptest

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// reservation is a socket that is bound to the address of a stopped server and
// does not listen: connections are refused, and nobody else gets the port. The
// zero reservation holds nothing.
type reservation struct{ file *os.File }

const soReuseport = 0xf // syscall has no name for it on every architecture

// reserve binds a second socket to the listener's address while the listener
// still holds it, so that there is no moment in which the port is free.
func reserve(ln net.Listener) reservation {
	tcp, ok := ln.(*net.TCPListener)
	if !ok {
		return reservation{}
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return reservation{}
	}
	if raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, soReuseport, 1)
	}) != nil || err != nil {
		return reservation{}
	}
	return bindTo(tcp.Addr().(*net.TCPAddr))
}

func bindTo(addr *net.TCPAddr) reservation {
	family, sockaddr := syscall.AF_INET6, syscall.Sockaddr(&syscall.SockaddrInet6{Port: addr.Port, Addr: [16]byte(addr.IP.To16())})
	if ip4 := addr.IP.To4(); ip4 != nil {
		family, sockaddr = syscall.AF_INET, &syscall.SockaddrInet4{Port: addr.Port, Addr: [4]byte(ip4)}
	}
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return reservation{}
	}
	syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, soReuseport, 1)
	if err := syscall.Bind(fd, sockaddr); err != nil {
		syscall.Close(fd)
		return reservation{}
	}
	// Without SO_REUSEADDR no other socket may be bound beside this one.
	syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 0)
	return reservation{os.NewFile(uintptr(fd), "reserved port")}
}

// listen turns the reserved socket into the listener. Without one the error is
// errors.ErrUnsupported.
func (r *reservation) listen() (net.Listener, error) {
	if r.file == nil {
		return nil, errors.ErrUnsupported
	}
	defer r.release()
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

func (r *reservation) release() {
	if r.file != nil {
		r.file.Close()
		r.file = nil
	}
}

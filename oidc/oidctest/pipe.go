package oidctest

import "net"

// pipe returns two connected ends in memory.
func pipe(addr string) (client, server net.Conn) {
	a, b := net.Pipe()
	return memoryConn{a, memoryAddr("client"), memoryAddr(addr)}, memoryConn{b, memoryAddr(addr), memoryAddr("client")}
}

type memoryConn struct {
	net.Conn
	local, remote memoryAddr
}

func (c memoryConn) LocalAddr() net.Addr  { return c.local }
func (c memoryConn) RemoteAddr() net.Addr { return c.remote }

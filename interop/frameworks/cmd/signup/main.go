// Signup is signup.Main as a program.
package main

import "github.com/go-smtptest/smtp/interop/frameworks/signup"

func main() { signup.Main() }

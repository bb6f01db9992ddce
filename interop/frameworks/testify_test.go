package frameworks

import (
	"testing"

	"github.com/go-smtptest/smtp/interop/frameworks/signup"
	"github.com/go-smtptest/smtp/smtptest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/stretchr/testify/suite"
)

func TestWelcome(t *testing.T) {
	srv := smtptest.NewServer(t)
	require.NoError(t, signup.Register(srv.Addr, "bob@example.com"))

	m := srv.Wait(1)[0]
	assert.Equal(t, "shop@example.com", m.From)
	assert.Equal(t, []string{"bob@example.com"}, m.To)
	assert.Equal(t, "Welcome", m.Subject())
	assert.Contains(t, m.Text(), "Glad to have you")
}

type SignupSuite struct {
	suite.Suite
	srv *smtptest.Server
}

func (s *SignupSuite) SetupTest() {
	s.srv = smtptest.NewServer(s.T()) // one for each test, closed with it
}

func (s *SignupSuite) TestRefused() {
	s.srv.Script(smtptest.Rule{On: "RCPT", Reply: "550 5.1.1 no such user"})
	s.ErrorContains(signup.Register(s.srv.Addr, "bob@example.com"), "no such user")
	s.Empty(s.srv.Messages())
}

func TestSignupSuite(t *testing.T) {
	suite.Run(t, new(SignupSuite))
}

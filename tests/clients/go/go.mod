module moldau/clients

go 1.22

require (
	github.com/IBM/sarama v1.43.3
	github.com/twmb/franz-go v1.17.1
	github.com/twmb/franz-go/pkg/kadm v1.13.0
)
